/** Tracks values computed from sensitive inputs: they are as sensitive as the input. */
import type { ASTNode } from '@marcbachmann/cel-js';

/** The variables that an expression reads: `inputs.NAME`, `values.NAME`, `item`, …, or `inputs` where it reads all of them. */
export type Reads = readonly string[];

export interface Taint {
  /** Texts that must not be shown, and the sensitive input that each comes from. */
  readonly texts: ReadonlyMap<string, string>;
  /** The same for short texts: they are hidden in output, and refused as the whole of an input. */
  readonly brief: ReadonlyMap<string, string>;
  /** The sensitive input that one of the variables comes from. */
  readonly sourceOf: (reads: Reads) => string | undefined;
  /** Adds a value that was computed from a sensitive input. */
  readonly learn: (value: unknown, source: string) => void;
  /** Evaluates something. @returns its value, and the sensitive input that it was computed from */
  readonly during: <T>(evaluate: () => T) => { readonly value: T; readonly source: string | undefined };
  /** Marks a variable as derived from that input. */
  readonly mark: (variable: string, source: string) => void;
  /** The same with additional variables, for nested steps. */
  readonly fork: (variables: Readonly<Record<string, string>>) => Taint;
}

/** A text of this length may be part of another by chance. */
const longestBrief = 3;

/** @param sensitive the sensitive inputs, by name @param shared the known secrets of the run that uses this playbook */
export function startTaint(sensitive: Readonly<Record<string, unknown>>, shared?: Taint): Taint {
  const state: State = {
    texts: (shared?.texts as Map<string, string> | undefined) ?? new Map(),
    brief: (shared?.brief as Map<string, string> | undefined) ?? new Map(),
    last: undefined,
  };
  for (const [name, value] of Object.entries(sensitive)) {
    // The whole of an input is hidden everywhere, at any length.
    for (const text of textsIn(value).flatMap(formsOf)) state.texts.set(text, name);
  }
  const marked = Object.keys(sensitive).map((name) => [`inputs.${name}`, name] as const);
  return taintOver(state, new Map(marked));
}

interface State {
  readonly texts: Map<string, string>;
  readonly brief: Map<string, string>;
  last: string | undefined;
}

function taintOver(state: State, marked: Map<string, string>): Taint {
  const { texts, brief } = state;
  return {
    texts,
    brief,
    sourceOf: (reads) => {
      for (const [variable, source] of marked) {
        const [root = ''] = variable.split('.', 1);
        if (reads.includes(variable) || reads.includes(root)) return source;
      }
      return undefined;
    },
    learn: (value, source) => {
      state.last = source;
      for (const text of textsIn(value)) {
        const known = text.length > longestBrief ? texts : brief;
        for (const form of formsOf(text)) if (!texts.has(form)) known.set(form, source);
      }
    },
    during: (evaluate) => {
      state.last = undefined;
      const value = evaluate();
      return { value, source: state.last };
    },
    mark: (variable, source) => void marked.set(variable, source),
    fork: (variables) => taintOver(state, new Map([...marked, ...Object.entries(variables)])),
  };
}

/** A text as it is, as it appears in JSON, and as it appears in a word that is quoted for the shell. */
function formsOf(text: string): string[] {
  return [text, JSON.stringify(text).slice(1, -1), text.replaceAll("'", "'\\''")];
}

/** The texts and numbers in a value; true and false occur too often to be hidden. */
export function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(textsIn);
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? [String(value)] : [];
}

const taintKey = Symbol('taint');

/** Lets expressions find the taint of the run in their context. */
export function withTaint(context: Readonly<Record<string, unknown>>, taint: Taint): Record<string, unknown> {
  return { ...context, [taintKey]: taint } as Record<string, unknown>;
}

export function taintOf(context: object): Taint | undefined {
  return (context as { [taintKey]?: Taint })[taintKey];
}

const roots = new Set(['inputs', 'values', 'item']);

export function readsOf(ast: ASTNode): Reads {
  const reads = new Set<string>();
  collect(ast, reads);
  return [...reads];
}

function collect(node: unknown, reads: Set<string>): void {
  if (Array.isArray(node)) for (const one of node) collect(one, reads);
  if (typeof node !== 'object' || node === null || !('op' in node)) return;
  const { op, args } = node as ASTNode;
  const field = op === '.' || op === '[]' ? fieldOf(args as unknown[]) : undefined;
  if (field !== undefined) reads.add(field);
  else if (op === 'id' && roots.has(String(args))) reads.add(String(args));
  else collect(args, reads);
}

/** `inputs.NAME` and `inputs["NAME"]`; undefined for anything else. */
function fieldOf([object, key]: unknown[]): string | undefined {
  const { op, args } = (object ?? {}) as { op?: string; args?: unknown };
  if (op !== 'id' || (args !== 'inputs' && args !== 'values')) return undefined;
  if (typeof key === 'string') return `${args}.${key}`;
  const literal = key as { op?: string; args?: unknown };
  return literal.op === 'value' && typeof literal.args === 'string' ? `${args}.${literal.args}` : undefined;
}
