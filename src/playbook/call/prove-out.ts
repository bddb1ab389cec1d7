/** Has it proven that hosts which the run took out of traffic were out the whole time. */
import type { Outcome } from '../../core/request/reply.ts';
import type { HostHold, RunContext } from '../context.ts';
import type { NodeFailure } from '../events/events.ts';
import { findHost, outSinceIn } from './holds.ts';
import { failureOf, silence } from './reply.ts';
import { sleep } from './sleep.ts';

/** A load balancer that is restarting answers in a moment. */
const tries = 3;
const trySleep = 1000;

/**
 * Asks the nodes that took the hosts out since when they have been out without a break.
 * @param step the step that relies on it, for the journal
 * @returns the breaks, and what could not be proven; empty if all were out the whole time
 */
export async function proveOut(
  holds: readonly HostHold[],
  run: RunContext,
  step: string,
): Promise<readonly NodeFailure[]> {
  const questions = Map.groupBy(holds, ({ node, proof: { agent, action, input } }) =>
    JSON.stringify([node, agent, action, input]),
  );
  const answers = await Promise.all([...questions.values()].map((some) => ask(some, run, step)));
  return answers.flat();
}

async function ask(holds: readonly HostHold[], run: RunContext, step: string): Promise<readonly NodeFailure[]> {
  const [first] = holds;
  if (first === undefined) return [];
  const { node, proof } = first;
  const input = { ...proof.input, [proof.hosts]: holds.map(({ host }) => host).join(',') };
  const requestId = run.ports.newId();
  for (let number = 1; ; number++) {
    const outcome = await askOnce({ node, proof, input, requestId, number }, run, step);
    if (outcome.outcome === 'ok') return holds.flatMap((hold) => judge(hold, outcome) ?? []);
    if (number === tries || run.kill.aborted) return holds.map((hold) => unproven(hold, failureOf(outcome).reason));
    await sleep(run, trySleep);
  }
}

interface Question {
  readonly node: string;
  readonly proof: HostHold['proof'];
  readonly input: Record<string, unknown>;
  readonly requestId: string;
  readonly number: number;
}

async function askOnce(
  { node, proof, input, requestId, number }: Question,
  run: RunContext,
  step: string,
): Promise<Outcome> {
  const { agent, action } = proof;
  const request = { agent, action, dryRun: false, requestId, step, try: number, nodes: [node] };
  await run.journal({ type: 'call', ...request, batch: 1, changes: false, input });
  const replies = await run.ports.call({ ...request, input, runId: run.runId }, () => {}, run.kill);
  const outcome = replies.find((reply) => reply.node === node) ?? silence(node);
  const { status, code, message, data } = outcome;
  const entry = { step, requestId, try: number, node, outcome: outcome.outcome };
  await run.journal({ type: 'outcome', ...entry, status, code, message, data });
  return outcome;
}

function judge(hold: HostHold, { data }: Outcome): NodeFailure | undefined {
  const { host, node, since } = hold;
  if (since === undefined) {
    return unproven(hold, `${node} did not report since when: its ${hold.proof.agent} agent is too old, update it`);
  }
  const found = findHost(data.servers, host);
  const now = outSinceIn(data.servers, host);
  if (now === since) return undefined;
  const what = now === undefined ? `is no longer held out by ${node}` : `was put into traffic on ${node}`;
  const why = describeBreaks(found?.breaks, since);
  return { node: host, code: 'back-in-traffic', reason: `${host} ${what} while it had to stay out: ${why}` };
}

/** The cause, the time and where to see it: the first break since, and how many more there were. */
function describeBreaks(list: unknown, since: number): string {
  const all: unknown[] = Array.isArray(list) ? list : [];
  const breaks = all
    .map((one) => one as { at?: unknown; line?: unknown; cause?: unknown; where?: unknown })
    .filter(({ at }) => typeof at === 'number' && at >= since);
  const [first] = breaks;
  if (first === undefined) return 'it was put in by another call, or the load balancer’s agent lost its record';
  const more = breaks.length === 1 ? '' : `, and ${breaks.length - 1} more`;
  const at = new Date(Number(first.at)).toISOString();
  return `${String(first.line)}, noticed ${at}: ${String(first.cause)}; see ${String(first.where)}${more}`;
}

function unproven({ host, node }: HostHold, why: string): NodeFailure {
  return {
    node: host,
    code: 'not-proven-out',
    reason: `whether ${host} is still out of traffic on ${node} is not proven: ${why}`,
  };
}
