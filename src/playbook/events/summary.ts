/** The summary of a run: what failed, where, why, what is out of traffic, what is untouched, the next command. */
import { count, listNames, printable } from '../../core/text.ts';
import type { NodeFailure, RunReport } from './events.ts';
import type { NodeChange, OutOfTraffic, RunState, StillServing } from './run-state.ts';

const mostNames = 20;

/** The lines after the first one of a run that failed or was interrupted; the last one is the next command. */
export function describeFailure(report: RunReport): string[] {
  const { interruption, result, next } = report;
  return [
    ...(interruption === undefined ? [] : [`  interrupted by: ${interruption}`]),
    ...describeCause(report),
    ...describeState(result),
    ...(next === undefined ? [] : [next]),
  ].map(printable);
}

/** What is out of traffic, and what is untouched. */
export function describeState({ changed, out, untouched }: RunState): string[] {
  const left = describeOut(out);
  return [
    ...(changed || left.length > 0 ? [`  out of traffic: ${left.length === 0 ? 'none' : left.join('; ')}`] : []),
    changed ? `  untouched: ${listNames(untouched, mostNames)}` : '  nothing was changed',
  ];
}

/** The step, the nodes and the reasons, each reason once. */
function describeCause({ failure }: RunReport): string[] {
  if (failure === undefined) return [];
  const { reasons, name, title } = failure.cause ?? { name: failure.step, title: '', reasons: failure.reasons };
  const groups = [...Map.groupBy(reasons, ({ code, reason }) => `${flat(reason)}${code === '' ? '' : ` (${code})`}`)];
  const lines = groups.map(([reason, some]) => {
    // A node may be missing from several sets.
    const nodes = [...new Set(some.flatMap(({ node }: NodeFailure) => (node === '' ? [] : [node])))];
    return nodes.length === 0 ? `  reason: ${reason}` : `  on ${listNames(nodes, mostNames)}: ${reason}`;
  });
  const step = title === '' || title === name ? name : `${name} (${title})`;
  return failure.step === '' ? lines : [`  failed: ${step}`, ...lines];
}

/**
 * `bravo 10 → 20 on 4 nodes in 1.3 s` if releases were changed, what the run has left out of traffic, and whether nobody
 * was notified.
 */
export function describeSuccess({
  label,
  elapsed,
  steps,
  result: { changes, out },
}: Pick<RunReport, 'label' | 'elapsed' | 'steps'> & {
  readonly result: Pick<RunReport['result'], 'changes' | 'out'>;
}): string[] {
  const moved = changes.filter(({ before, after }) => before !== after);
  const unsent = steps.filter(
    ({ notifies, ok, failed }) => notifies === 'success' && ok.length === 0 && failed.length > 0,
  );
  const left = [
    ...unsent.map(({ failed }) => `nobody was notified: ${flat(failed.map(formatReason).join('; '))}`),
    ...(out.length === 0 ? [] : [`out of traffic: ${describeOut(out).join('; ')}`]),
  ];
  if (moved.length === 0) return left.map(printable);
  const from = [...new Set(moved.map(({ before }) => before || '?'))].sort().join(', ');
  const to = [...new Set(moved.map(({ after }) => after))].sort().join(', ');
  const where = count(moved.length, 'node');
  return [...left, `${label} ${from} → ${to} on ${where} in ${(elapsed / 1000).toFixed(1)} s`].map(printable);
}

/** One line a node, from a dry run: `dev2: 10 → 20; out of app on lb1, lb2 (6 of 8 stay)`. */
export function describeDifference({ changes, out, serving }: RunState): string[] {
  const byNode = new Map<string, string[]>();
  const note = (node: string, text: string) => byNode.set(node, [...(byNode.get(node) ?? []), text]);
  for (const { node, before, after } of changes) note(node, describeChange({ before, after }));
  for (const { server, backend, balancers, stay } of out) {
    const left = stay === undefined ? '' : ` (${stay.available} of ${stay.total} stay)`;
    note(server, `out of ${backend} on ${balancers.join(', ')}${left}`);
  }
  for (const one of serving) note(one.server, describeServing(one));
  return [...byNode].sort().map(([node, parts]) => printable(`${node}: ${parts.join('; ')}`));
}

/** `still serving in static/dev2 on lb1` */
export function describeServing({ lines, balancer }: Pick<StillServing, 'lines' | 'balancer'>): string {
  return `still serving in ${lines.join(', ')} on ${balancer}`;
}

function describeChange({ before, after }: Pick<NodeChange, 'before' | 'after'>): string {
  return before === after ? `stays at ${after}` : `${before || '?'} → ${after}`;
}

/** `dev2, dev4 of app on lb1, lb2`, one a backend and its load balancers. */
export function describeOut(out: readonly OutOfTraffic[]): string[] {
  const groups = Map.groupBy(out, ({ backend, balancers }) => `of ${backend} on ${balancers.join(', ')}`);
  return [...groups].map(
    ([where, some]) => `${listNames(some.map(({ server }) => server).sort(), mostNames)} ${where}`,
  );
}

export function formatReason({ node, reason }: Pick<NodeFailure, 'node' | 'reason'>): string {
  return node === '' ? reason : `${node}: ${reason}`;
}

function flat(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 500);
}
