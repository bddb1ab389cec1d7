/** What a run is going to do, as far as it can be told once its nodes are known. */
import { count } from '../../core/text.ts';
import type { Playbook, Step } from '../model.ts';
import type { World } from '../context.ts';
import type { PlannedStep, RunPlan } from './run-plan.ts';

/**
 * Steps that only reckon, and those for after a failure, are left out.
 * @throws Problem where the inputs of a playbook that is used as a step are not right
 */
export async function planRun(playbook: Playbook, world: World): Promise<RunPlan> {
  const { sets, steps } = await planSteps([...playbook.steps, ...playbook.always], world, '');
  return { sets: [...setsOf(playbook, world, ''), ...sets], steps };
}

const quiet = new Set(['set', 'require', 'say', 'finish']);

/** @param world undefined where its nodes are only found in the run */
async function planSteps(steps: readonly Step[], world: World | undefined, prefix: string): Promise<RunPlan> {
  const telling = steps.filter(({ kind }) => !quiet.has(kind));
  const plans = await Promise.all(telling.map((step) => planStep(step, world, prefix)));
  return { sets: plans.flatMap(({ sets }) => sets), steps: plans.flatMap((plan) => plan.steps) };
}

async function planStep(step: Step, world: World | undefined, prefix: string): Promise<RunPlan> {
  const { id, source, condition, body } = step;
  const within = await planWithin(step, world, `${prefix}${step.id}.`);
  const on = body.asks === undefined ? source.rolling?.over : body.asks.on;
  const planned = {
    id,
    title: body.title,
    nodes: on === undefined ? undefined : world?.nodes(on)?.length,
    batch: [source.batch ?? source.rolling?.batch ?? []].flat().join(','),
    conditional: condition !== undefined,
    within: within.steps,
  };
  return { sets: within.sets, steps: [planned] };
}

async function planWithin({ body }: Step, world: World | undefined, prefix: string): Promise<RunPlan> {
  const { used, lookAhead, within = [] } = body;
  if (used === undefined) return await planSteps(within, world, prefix);
  const inner = world === undefined ? undefined : await lookAhead?.(world, prefix);
  const { sets, steps } = await planSteps([...used.steps, ...used.always], inner, prefix);
  return { sets: [...setsOf(used, inner, prefix), ...sets], steps };
}

function setsOf({ nodes }: Playbook, world: World | undefined, prefix: string): RunPlan['sets'] {
  return nodes.flatMap(({ name }) => {
    const found = world?.nodes(name);
    return found === undefined ? [] : [{ name: `${prefix}${name}`, nodes: found }];
  });
}

/** One line a set and a step. */
export function formatPlan({ sets, steps }: RunPlan): string[] {
  const found = sets.map(({ name, nodes }) => `  ${name}: ${count(nodes.length, 'node')}: ${shorten(nodes)}`);
  return [
    'nodes:',
    ...(found.length === 0 ? ['  none are known yet'] : found),
    'steps:',
    ...steps.flatMap((step) => formatStep(step, '  ')),
  ];
}

function formatStep({ id, title, nodes, batch, conditional, within }: PlannedStep, indent: string): string[] {
  const where = nodes === undefined ? '' : ` on ${count(nodes, 'node')}`;
  const size = batch === '' ? '' : `, ${batch} at a time`;
  const line = `${indent}${id}: ${title}${where}${size}${conditional ? ', if need be' : ''}`;
  return [line, ...within.flatMap((step) => formatStep(step, `${indent}  `))];
}

function shorten(nodes: readonly string[]): string {
  const shown = nodes.slice(0, 20).join(', ');
  return nodes.length > 20 ? `${shown}, …` : shown;
}
