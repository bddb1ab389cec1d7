/** The plan of a run, as far as it is known once its nodes are found. */
import { count, listNames } from '../../../core/text.ts';
import type { RunContext } from '../../context.ts';
import type { StillServing } from '../../events/run-state.ts';
import { describeServing } from '../../events/summary.ts';
import { isLiteral } from '../../expressions/template.ts';
import type { Playbook, Step } from '../../model.ts';
import type { PlannedStep, RunPlan } from './run-plan.ts';

const mostNames = 20;

/**
 * The remaining work, without steps that have ended, that only compute, that people do not see, and those for after a
 * failure.
 * @throws Problem when the inputs of a nested playbook are wrong
 */
export async function planRun(playbook: Playbook, run: RunContext, found: Found): Promise<RunPlan> {
  const all = await planSteps([...playbook.steps, ...playbook.always], run, '');
  const steps = all.steps.filter(({ id }) => !found.ended.has(id));
  return {
    sets: [...setsOf(playbook, run, ''), ...all.sets],
    changes: changesOf(playbook, run, found),
    serving: found.serving(),
    steps,
  };
}

/** The results of earlier steps. */
export interface Found {
  readonly ended: ReadonlySet<string>;
  /** The current release of each node. */
  readonly revisions: ReadonlyMap<string, string>;
  readonly serving: () => readonly StillServing[];
}

const quiet = new Set(['set', 'require', 'say', 'finish']);

/** @param run undefined if its nodes are only found in the run */
async function planSteps(
  steps: readonly Step[],
  run: RunContext | undefined,
  prefix: string,
): Promise<Pick<RunPlan, 'sets' | 'steps'>> {
  const telling = steps.filter(({ kind, source }) => !quiet.has(kind) && source.internal !== true);
  const plans = await Promise.all(telling.map((step) => planStep(step, run, prefix)));
  return { sets: plans.flatMap(({ sets }) => sets), steps: plans.flatMap((plan) => plan.steps) };
}

async function planStep(
  step: Step,
  run: RunContext | undefined,
  prefix: string,
): Promise<Pick<RunPlan, 'sets' | 'steps'>> {
  const { id, name, source, condition, body } = step;
  const within = await planWithin(step, run, `${prefix}${step.id}.`);
  const on = body.asks === undefined ? source.rolling?.over : body.asks.on;
  const preview = run === undefined ? undefined : body.preview?.(run, `${prefix}${id}`);
  const planned = {
    id,
    name,
    title: body.title,
    nodes: preview?.nodes ?? (on === undefined ? undefined : run?.nodes(on)),
    batch: [preview?.batch ?? source.batch ?? source.rolling?.batch ?? []].flat().filter(isLiteral).join(','),
    conditional: condition !== undefined,
    within: within.steps,
  };
  return { sets: within.sets, steps: [planned] };
}

/** The releases from and to which each node goes, as far as steps that deploy name nodes and release by now. */
function changesOf({ steps }: Playbook, run: RunContext, { ended, revisions }: Found): RunPlan['changes'] {
  return steps.flatMap(({ id, body }) => {
    if (ended.has(id) || body.asks?.agent !== 'appmgr' || body.asks.action !== 'upgrade') return [];
    const { nodes = [], input } = body.preview?.(run, id) ?? {};
    const after = input?.revision;
    if (typeof after !== 'string') return [];
    return [...nodes].sort().map((node) => ({ node, before: revisions.get(node) ?? '', after }));
  });
}

async function planWithin(
  { body }: Step,
  run: RunContext | undefined,
  prefix: string,
): Promise<Pick<RunPlan, 'sets' | 'steps'>> {
  const { used, lookAhead, within = [] } = body;
  if (used === undefined) return await planSteps(within, run, prefix);
  const inner = run === undefined ? undefined : await lookAhead?.(run, prefix);
  const { sets, steps } = await planSteps([...used.steps, ...used.always], inner, prefix);
  return { sets: [...setsOf(used, inner, prefix), ...sets], steps };
}

function setsOf({ nodes }: Playbook, run: RunContext | undefined, prefix: string): RunPlan['sets'] {
  return nodes.flatMap(({ name }) => {
    const found = run?.nodes(name);
    return found === undefined ? [] : [{ name: `${prefix}${name}`, nodes: found }];
  });
}

/** Lines for people: which releases change where, or which nodes there are, then the steps. */
export function formatPlan({ sets, changes, serving, steps }: RunPlan): string[] {
  const found = sets.map(
    ({ name, nodes }) => `  ${name}: ${count(nodes.length, 'node')}: ${listNames(nodes, mostNames)}`,
  );
  return [
    ...(changes.length > 0
      ? changes.map(formatChange)
      : ['nodes:', ...(found.length === 0 ? ['  none are known yet'] : found)]),
    ...serving.map((one) => `  ${one.server} is ${describeServing(one)}`),
    'steps:',
    ...steps.flatMap((step) => formatStep(step, '  ')),
  ];
}

function formatChange({ node, before, after }: RunPlan['changes'][number]): string {
  return `  ${node}: ${before === after ? `stays at ${after}` : `${before || '?'} → ${after}`}`;
}

function formatStep({ name, title, nodes, batch, conditional, within }: PlannedStep, indent: string): string[] {
  const where = nodes === undefined ? '' : ` on ${count(nodes.length, 'node')}`;
  const size = batch === '' ? '' : `, ${batch} at a time`;
  const line = `${indent}${name}: ${title}${where}${size}${conditional ? ', if needed' : ''}`;
  return [line, ...within.flatMap((step) => formatStep(step, `${indent}  `))];
}
