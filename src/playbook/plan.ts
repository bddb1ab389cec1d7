/** What a run is going to do, as far as it can be told once its nodes are known. */
import { count } from '../core/text.ts';
import type { Playbook, Step } from './playbook.ts';
import type { World } from './world.ts';

export interface RunPlan {
  readonly sets: readonly { readonly name: string; readonly nodes: readonly string[] }[];
  readonly steps: readonly PlannedStep[];
}

export interface PlannedStep {
  readonly id: string;
  readonly title: string;
  /** How many; undefined where an expression will give them. */
  readonly nodes: number | undefined;
  /** As the file says it: `2`, `1,2,50%`, or an expression. */
  readonly batch: string;
  readonly conditional: boolean;
  readonly within: readonly PlannedStep[];
}

/** Steps that only reckon, and those for after a failure, are left out. */
export function planRun(playbook: Playbook, world: World): RunPlan {
  return {
    sets: playbook.nodes.map(({ name }) => ({ name, nodes: world.nodes(name) ?? [] })),
    steps: planSteps([...playbook.steps, ...playbook.always], world),
  };
}

const quiet = new Set(['set', 'require', 'say', 'finish']);

function planSteps(steps: readonly Step[], world: Pick<World, 'nodes'>): PlannedStep[] {
  return steps
    .filter(({ kind }) => !quiet.has(kind))
    .map(({ id, source, condition, body }) => {
      const on = body.asks === undefined ? source.rolling?.over : body.asks.on;
      const batch = source.batch ?? source.rolling?.batch ?? [];
      return {
        id,
        title: body.title,
        nodes: on === undefined ? undefined : world.nodes(on)?.length,
        batch: [batch].flat().join(','),
        conditional: condition !== undefined,
        within: body.used === undefined ? planSteps(body.within ?? [], world) : planUsed(body.used),
      };
    });
}

/** Its nodes are found when it begins. */
function planUsed({ steps, always }: Playbook): PlannedStep[] {
  return planSteps([...steps, ...always], { nodes: () => undefined });
}

/** One line a set and a step. */
export function formatPlan({ sets, steps }: RunPlan): string[] {
  const found = sets.map(({ name, nodes }) => `  ${name}: ${count(nodes.length, 'node')}: ${shorten(nodes)}`);
  return [
    'nodes:',
    ...(found.length === 0 ? ['  none of its own'] : found),
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
