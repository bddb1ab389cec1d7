import { createHash } from 'node:crypto';
import { parse } from '@babel/parser';
import type { Node } from '@babel/types';
import { type Change, changesOf } from './operators.ts';

/** A file with one thing changed. */
export interface Mutant {
  /** 1 for the first line. */
  readonly line: number;
  /** The lines concerned as they are, and as they become; without the space around them. */
  readonly before: string;
  readonly after: string;
  /** The start of the change, in characters from the start of the file. */
  readonly start: number;
  /** The whole file. */
  readonly source: string;
}

/** All mutants of a file, in the order of its lines. What is only a type is left alone, and what would not parse is left out. */
export function mutantsOf(source: string): Mutant[] {
  const changes: Change[] = [];
  const text = (node: Node) => source.slice(node.start ?? 0, node.end ?? 0);
  walk(tree(source), (node) => changes.push(...changesOf(node, text)));
  const seen = new Set<string>();
  return changes
    .sort((a, b) => a.start - b.start)
    .map((change) => mutantOf(source, change))
    .filter((mutant) => mutant.source !== source && !seen.has(mutant.source) && seen.add(mutant.source))
    .filter((mutant) => parses(mutant.source));
}

/** Whether it is one of the sample: of every so many mutants about one, and the same one as long as its lines are what they are. */
export function isSampled(file: string, { before, after }: Mutant, every: number): boolean {
  return (
    createHash('sha256')
      .update(JSON.stringify([file, before, after]))
      .digest()
      .readUInt32BE(0) %
      every ===
    0
  );
}

function tree(source: string): Node {
  return parse(source, { sourceType: 'module', plugins: ['typescript'] }).program as Node;
}

function parses(source: string): boolean {
  try {
    tree(source);
    return true;
  } catch {
    return false;
  }
}

function mutantOf(source: string, { start, end, text }: Change): Mutant {
  const from = source.lastIndexOf('\n', start - 1) + 1;
  const newline = source.indexOf('\n', end);
  const to = newline < 0 ? source.length : newline;
  return {
    line: source.slice(0, start).split('\n').length,
    before: oneLine(source.slice(from, to)),
    after: oneLine(source.slice(from, start) + text + source.slice(end, to)),
    start,
    source: source.slice(0, start) + text + source.slice(end),
  };
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function isSort(node: Node): boolean {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return false;
  const { property } = node.callee;
  return property.type === 'Identifier' && ['sort', 'toSorted'].includes(property.name);
}

function walk(node: Node, visit: (node: Node) => unknown): void {
  if (/^TS(?!As|NonNull|Satisfies)/.test(node.type) || node.type === 'ImportDeclaration') return;
  visit(node);
  // A comparison returns more or less than 0: which number does not matter.
  const inner = isSort(node) ? (one: Node) => one.type !== 'NumericLiteral' && visit(one) : visit;
  for (const [key, value] of Object.entries(node)) {
    if (key === 'typeAnnotation' || key === 'returnType' || key === 'typeParameters') continue;
    for (const child of [value].flat()) if (isNode(child)) walk(child, inner);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}
