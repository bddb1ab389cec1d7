/** Compiles steps from their part of the file, with every name in them checked. */
import type { Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { listNames } from '../../core/text.ts';
import { checkIds, type StepOutline, draftSteps } from './outline.ts';
import type { GroupSource, PlaybookSource } from '../source/schema.ts';
import { ancestorsOf } from './graph.ts';
import type { GroupSteps } from '../run/rounds.ts';
import { locationOf, keyLocationOf, type SourceText } from '../source/locations.ts';
import type { Notices, Playbook, Step } from '../model.ts';
import type { WithNotices } from './notices.ts';
import { names, record, type Shape, shapeOfFailure, shapeOfNodeSet, shapeOfRun } from '../expressions/shapes.ts';
import { compileBare, compileCondition, compileTemplate } from '../expressions/template.ts';

/** Places of one fault that are named. */
const mostPlaces = 5;

export interface CompiledSteps {
  readonly steps: readonly Step[];
  readonly onFailure: readonly Step[];
  readonly always: readonly Step[];
  readonly notices: Notices;
}

/** What the compilation of one step needs from the whole. */
interface CompileContext {
  readonly playbook: PlaybookSource;
  readonly text: SourceText;
  readonly agents: ReadonlyMap<string, Ddl>;
  readonly nodeSets: readonly string[];
  readonly used: (name: string) => Playbook;
  readonly faults: string[];
}

/** @throws Problem `bad-playbook`: the faults of up to five steps, one a line */
export function compileSteps(
  playbook: PlaybookSource,
  text: SourceText,
  catalogue: readonly Ddl[],
  used: (name: string) => Playbook,
  notices: WithNotices['notices'],
): CompiledSteps {
  const agents = new Map(catalogue.flatMap((ddl) => [ddl.name, ...(ddl.aliases ?? [])].map((name) => [name, ddl])));
  const draft = (list: 'steps' | 'on_failure' | 'always', prefix: string) =>
    draftSteps(playbook[list] ?? [], [list], prefix, text, agents);
  const steps = draft('steps', 'step');
  const after = draft('on_failure', 'after');
  const always = draft('always', 'always');
  const whole: CompileContext = {
    playbook,
    text,
    agents,
    nodeSets: Object.keys(playbook.nodes ?? {}),
    used,
    faults: [],
  };
  const sight: StepScope = { all: [...steps, ...after, ...always], seen: [], variables: {} };
  checkIds(sight.all, text);
  const failed: StepScope = { ...sight, seen: steps, variables: { failure: shapeOfFailure } };
  const compiled = {
    steps: compileList(steps, sight, whole),
    onFailure: compileList(after, failed, whole),
    always: compileList(always, { ...failed, seen: [...steps, ...after] }, whole),
    notices: {
      start: compileList(draftSteps(notices.start, ['notify'], '', text, agents), sight, whole),
      failure: compileList(draftSteps(notices.failure, ['notify'], '', text, agents), failed, whole),
    },
  };
  if (whole.faults.length > 0) throw new Problem('bad-playbook', faultLines(whole.faults).slice(0, 5).join('\n'));
  return compiled;
}

/** What is wrong in several places is said once, at the first: `x.yaml:34:11: there is no agent “y” (also at 46:11)`. */
function faultLines(faults: readonly string[]): string[] {
  const split = faults.map((fault) => /^(.*?:)(\d+:\d+): (.*)$/s.exec(fault) ?? [fault, '', '', fault]);
  return [...Map.groupBy(split, ([, , , message]) => message)].map(([, [first, ...others]]) => {
    const also = others.map(([, , place = '']) => place);
    return `${first?.[0]}${also.length === 0 ? '' : ` (also at ${listNames(also, mostPlaces)})`}`;
  });
}

/** The scope of a list of steps. */
interface StepScope {
  /** Every id that is taken. */
  readonly all: readonly StepOutline[];
  /** The steps that have ended before the first of the list begins. */
  readonly seen: readonly StepOutline[];
  /** In addition to the names that every expression may use. */
  readonly variables: Readonly<Record<string, Shape>>;
}

function compileList(drafts: readonly StepOutline[], sight: StepScope, whole: CompileContext): Step[] {
  const needed = ancestorsOf(drafts);
  return drafts.flatMap((draft) => {
    const seen = [...sight.seen, ...drafts.filter(({ id }) => needed.get(draft.id)?.has(id))];
    return compileStepOrRecordFault(draft, { ...sight, seen }, whole);
  });
}

function compileGroup(
  { id, path }: StepOutline,
  key: string,
  source: GroupSource,
  variables: Readonly<Record<string, Shape>>,
  sight: StepScope,
  whole: CompileContext,
): GroupSteps {
  const { text, agents } = whole;
  const draft = (list: 'steps' | 'on_failure', prefix: string) =>
    draftSteps(source[list] ?? [], [...path, key, list], `${id}_${prefix}`, text, agents);
  const steps = draft('steps', 'step');
  const after = draft('on_failure', 'after');
  const all = [...sight.all, ...steps, ...after];
  checkIds(all, text);
  for (const { kind, path: at } of steps) {
    if (kind.key === 'finish')
      locationOf(text, [...at, 'finish']).fail('“finish” ends a whole run: it is not allowed within a step');
  }
  const inner: StepScope = { all, seen: sight.seen, variables: { ...sight.variables, ...variables } };
  const failed = { ...inner.variables, failure: shapeOfFailure };
  return {
    steps: compileList(steps, inner, whole),
    onFailure: compileList(after, { all, seen: [...sight.seen, ...steps], variables: failed }, whole),
  };
}

function compileStepOrRecordFault(draft: StepOutline, sight: StepScope, whole: CompileContext): Step[] {
  try {
    return [compileStep(draft, sight, whole)];
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'bad-playbook') throw error;
    whole.faults.push(error.message);
    return [];
  }
}

/** The names for expressions of a step: inputs, node sets, and the results of earlier steps. */
function rootsFor(
  { inputs = {}, nodes = {} }: PlaybookSource,
  { all, seen, variables }: StepScope,
): Record<string, Shape> {
  return {
    ...variables,
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

function compileStep(draft: StepOutline, sight: StepScope, whole: CompileContext): Step {
  const { id, needs, kind, source, path } = draft;
  const { text, agents, nodeSets, used } = whole;
  const roots = rootsFor(whole.playbook, sight);
  const location = (inner: readonly string[], value?: unknown) => locationOf(text, [...path, ...inner], value);
  const shapes = (reply?: Shape) => record(reply === undefined ? roots : { ...roots, reply });
  const body = kind.compile({
    source,
    catalogue: agents,
    nodeSets,
    seen: new Map(sight.seen.map((one) => [one.id, one.source])),
    at: (...inner) =>
      location(
        inner,
        inner.reduce<unknown>((value, key) => childOf(value, key), source),
      ),
    atKey: (...inner) => keyLocationOf(text, [...path, ...inner]),
    used,
    condition: (key, value, reply) => compileCondition(value, shapes(reply), location([key], value)),
    expression: (key, value) => compileBare(value, shapes(), location([key], value)),
    template: (key, value, reply, ...within) =>
      compileTemplate(value, shapes(reply), (inner, scalar) => location([key, ...within, ...inner], scalar)),
    group: (key, group, variables) => compileGroup(draft, key, group, variables, sight, whole),
  });
  const condition =
    source.if === undefined ? undefined : compileCondition(source.if, shapes(), location(['if'], source.if));
  return { id, name: source.name ?? id, kind: kind.key, source, needs, condition, body };
}

function childOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
