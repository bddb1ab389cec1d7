/** Makes steps of their part of the file, every name in them checked. */
import type { Ddl } from '../core/ddl.ts';
import { Problem } from '../core/errors.ts';
import { checkIds, type Draft, draftSteps } from './draft.ts';
import type { PlaybookSource } from './format.ts';
import { ancestorsOf } from './graph.ts';
import { placeOf, type SourceText } from './place.ts';
import type { Step } from './playbook.ts';
import { names, record, type Shape, shapeOfFailure, shapeOfNodeSet, shapeOfRun } from './shape.ts';
import { compileBare, compileCondition, compileTemplate } from './template.ts';

export interface CompiledSteps {
  readonly steps: readonly Step[];
  readonly onFailure: readonly Step[];
}

/** What compiling one step takes of the whole. */
interface Whole {
  readonly text: SourceText;
  readonly agents: ReadonlyMap<string, Ddl>;
  readonly nodeSets: readonly string[];
  readonly faults: string[];
}

/** @throws Problem `bad-playbook`: the faults of up to five steps, one a line */
export function compileSteps(playbook: PlaybookSource, text: SourceText, catalogue: readonly Ddl[]): CompiledSteps {
  const agents = new Map(catalogue.flatMap((ddl) => [ddl.name, ...(ddl.aliases ?? [])].map((name) => [name, ddl])));
  const steps = draftSteps(playbook.steps, 'steps', text, agents);
  const after = draftSteps(playbook.on_failure ?? [], 'on_failure', text, agents);
  const all = [...steps, ...after];
  checkIds(all, text);
  const needed = ancestorsOf(steps);
  const neededAfter = ancestorsOf(after);
  const whole: Whole = { text, agents, nodeSets: Object.keys(playbook.nodes ?? {}), faults: [] };
  const compiled = {
    steps: steps.flatMap((draft) => {
      const seen = steps.filter(({ id }) => needed.get(draft.id)?.has(id));
      return compileOrNote(draft, rootsFor(playbook, all, seen), whole);
    }),
    onFailure: after.flatMap((draft) => {
      const seen = [...steps, ...after.filter(({ id }) => neededAfter.get(draft.id)?.has(id))];
      return compileOrNote(draft, { ...rootsFor(playbook, all, seen), failure: shapeOfFailure }, whole);
    }),
  };
  if (whole.faults.length > 0) throw new Problem('bad-playbook', whole.faults.slice(0, 5).join('\n'));
  return compiled;
}

function compileOrNote(draft: Draft, roots: Readonly<Record<string, Shape>>, whole: Whole): Step[] {
  try {
    return [compileStep(draft, roots, whole)];
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'bad-playbook') throw error;
    whole.faults.push(error.message);
    return [];
  }
}

/** What the expressions of a step may name: inputs, node sets, and what comes of the steps that were run before. */
function rootsFor(
  { inputs = {}, nodes = {} }: PlaybookSource,
  all: readonly Draft[],
  seen: readonly Draft[],
): Record<string, Shape> {
  return {
    inputs: names(Object.keys(inputs)),
    run: shapeOfRun,
    nodes: record(Object.fromEntries(Object.keys(nodes).map((name) => [name, shapeOfNodeSet]))),
    steps: record(Object.fromEntries(seen.map(({ id, shape }) => [id, shape])), (id) =>
      all.some((draft) => draft.id === id)
        ? `the step “${id}” is not among those that this one needs: it may run later`
        : undefined,
    ),
    values: record(names(seen.flatMap(({ values }) => values)).fields ?? {}, (name) =>
      all.some(({ values }) => values.includes(name))
        ? `“${name}” is set by a step that this one does not need: it may run later`
        : undefined,
    ),
  };
}

function compileStep(
  { id, needs, kind, source, path }: Draft,
  roots: Readonly<Record<string, Shape>>,
  { text, agents, nodeSets }: Whole,
): Step {
  const place = (inner: readonly string[], value?: unknown) => placeOf(text, [...path, ...inner], value);
  const shapes = (reply?: Shape) => record(reply === undefined ? roots : { ...roots, reply });
  const body = kind.compile({
    source,
    catalogue: agents,
    nodeSets,
    at: (...inner) =>
      place(
        inner,
        inner.reduce<unknown>((value, key) => childOf(value, key), source),
      ),
    condition: (key, value, reply) => compileCondition(value, shapes(reply), place([key], value)),
    expression: (key, value) => compileBare(value, shapes(), place([key], value)),
    template: (key, value, reply) =>
      compileTemplate(value, shapes(reply), (inner, scalar) => place([key, ...inner], scalar)),
  });
  const condition =
    source.if === undefined ? undefined : compileCondition(source.if, shapes(), place(['if'], source.if));
  return { id, name: source.name ?? id, kind: kind.key, source, needs, condition, body };
}

function childOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
