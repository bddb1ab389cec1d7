/** The conditions of changes: hosts that are out of traffic, and other changes, which are repeated. */
import type { StepCall } from './step-call.ts';
import type { NodeFailure } from '../events/events.ts';
import { isSettled } from './resume.ts';
import type { StepReply } from './reply.ts';
import { type BatchResult, tryBatch } from './attempts.ts';
import type { HostHold, RepeatableChange, RunContext } from '../context.ts';
import { hostsOf, holdsOn, allHolds } from './holds.ts';
import { proveOut } from './prove-out.ts';

export interface ReassertedBatch extends BatchResult {
  /**
   * A condition that failed: before the batch, so that no node of it was called, or by the end of it. Its step fails
   * then, whatever failures it allows.
   */
  readonly broken?: 'before' | 'after';
  /** Whether the proof right after the batch also covers the next one. */
  readonly nextProvenOut?: boolean;
}

/** The position of a batch in its step. */
export interface BatchPosition {
  readonly index: number;
  readonly batches: number;
  /** The nodes of the batch that begins right after it. */
  readonly next?: readonly string[];
  /** Whether the hosts that it relies on were proven to be out just now. */
  readonly provenOut?: boolean;
}

/**
 * Tries a batch once all its conditions are proven or asserted again: a load balancer may have been reloaded since, or
 * a resumed run may have slept for a day. Hosts that the run took out of traffic must have been out the whole time,
 * right before a change of them and right after it; a break stops the step.
 */
export async function tryReassertedBatch(
  call: StepCall,
  nodes: readonly string[],
  { index, batches, next = [], provenOut = false }: BatchPosition,
): Promise<ReassertedBatch> {
  // What was settled before the run was resumed needs no condition.
  if (isSettled(call, nodes)) return await tryBatch(call, nodes, index, batches);
  const { failures, lines } = await assertBefore(call, nodes, provenOut);
  const cutOff = isCutOff(failures, call.run);
  if (failures.length > 0) return { replies: [], failures, tries: 0, interrupted: cutOff, lines, broken: 'before' };
  const settled = await tryBatch(call, nodes, index, batches);
  const whole = { ...settled, lines: [...lines, ...settled.lines] };
  return call.plan.ddl.traffic === undefined ? await proveAfter(call, nodes, next, whole) : whole;
}

/** The reports of changes that were made again, and what is wrong; the batch begins only if nothing is. */
interface Asserted {
  readonly lines: string[];
  readonly failures: NodeFailure[];
}

/** Proves that the hosts of a batch are out, then repeats the changes that it relies on. */
async function assertBefore(call: StepCall, nodes: readonly string[], provenOut: boolean): Promise<Asserted> {
  const { run, step } = call;
  const renewed = await renewHolds(call, nodes);
  const { lines, failures, nothing } = renewed;
  if (failures.length === 0 && !(provenOut && nothing))
    failures.push(...(await proveOut(heldFor(call, nodes), run, `${step.id}.proof`)));
  if (run.dryRun || failures.length > 0) return { lines, failures };
  for (const name of call.plan.reassert) {
    const change = findChange(run, step.id, name);
    // Right after the change itself there is nothing to assert.
    if (change === undefined || change.changesTraffic || change.requestId === run.changes.lastRequestId) continue;
    await repeat(change, `${step.id}.${name}`, { lines, failures });
  }
  return { lines, failures };
}

async function repeat(change: RepeatableChange, step: string, { lines, failures }: Asserted): Promise<void> {
  const again = await change.repeat(step);
  lines.push(...again.replies.flatMap((reply) => reportChange(change, reply)));
  failures.push(...again.failures.map((failure) => lost(change, failure)));
}

/** Proves that the hosts of a batch were out to its end, together with those of the next batch. */
async function proveAfter(
  call: StepCall,
  nodes: readonly string[],
  next: readonly string[],
  whole: BatchResult,
): Promise<ReassertedBatch> {
  const { run, step } = call;
  const own = heldFor(call, nodes);
  const nextHolds = next.length === 0 || isSettled(call, next) ? [] : heldFor(call, next);
  const found = await proveOut([...new Set([...own, ...nextHolds])], run, `${step.id}.proof`);
  const breaks = found.filter(({ node }) => own.some(({ host }) => host === node));
  // The proof of the next batch finds what is wrong with its own hosts.
  if (breaks.length === 0) return { ...whole, nextProvenOut: found.length === 0 && nextHolds.length > 0 };
  if (isCutOff(breaks, run)) return { ...whole, interrupted: true };
  return { ...whole, failures: [...whole.failures, ...breaks], broken: 'after' };
}

/**
 * Whether nothing is wrong except that a second Ctrl-C ended the questions: the run is interrupted then, and resume
 * asks again.
 */
function isCutOff(failures: readonly NodeFailure[], { kill }: RunContext): boolean {
  const unasked = ['not-proven-out', 'cancelled', 'no-response'];
  return kill.aborted && failures.every(({ code }) => unasked.includes(code));
}

/** The holds that a batch relies on; before hosts are put in again, it must be known that they were out until then. */
function heldFor(call: StepCall, nodes: readonly string[]): HostHold[] {
  const { plan, run } = call;
  if (plan.ddl.kind !== 'change' || call.dryRun) return [];
  if (plan.ddl.traffic === undefined) return holdsOn(nodes, run);
  // Repairs after a failure do not wait for the failed condition.
  if (plan.ddl.traffic.takes === 'out' || run.undoes !== undefined) return [];
  const hosts = hostsOf(call);
  return allHolds(run.changes).filter(
    ({ host, node, stale }) => !stale && hosts.includes(host) && nodes.includes(node),
  );
}

/** Takes hosts out again that were taken out before the run was resumed. */
async function renewHolds(call: StepCall, nodes: readonly string[]) {
  const { run, step } = call;
  const stale = heldFor(call, nodes).filter(({ stale }) => stale);
  const lines: string[] = [];
  const failures: NodeFailure[] = [];
  const nothing = stale.length === 0;
  for (const name of new Set(stale.map((hold) => hold.step))) {
    const change = run.changes.repeatable.get(name);
    if (change === undefined) continue;
    await repeat(change, `${step.id}.${name.replace(/^.*\./, '')}`, { lines, failures });
  }
  return { lines, failures, nothing };
}

/** The change of the nearest step with that name: in the same round, else in the enclosing scope. */
function findChange({ changes }: RunContext, step: string, name: string): RepeatableChange | undefined {
  for (let prefix = step; prefix !== ''; ) {
    prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')));
    const found = changes.repeatable.get(prefix === '' ? name : `${prefix}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Actions that can be asserted return in an output `changed` what they had to change. */
function reportChange({ title }: RepeatableChange, { node, data: { changed } }: StepReply): string[] {
  const what = Array.isArray(changed) ? changed.join(', ') : changed === true ? 'it changed something' : '';
  return what === '' ? [] : [`${title} no longer held on ${node} and was done again: ${what}`];
}

function lost({ title }: RepeatableChange, { node, code, reason }: NodeFailure): NodeFailure {
  return { node, code, reason: `whether ${title} still holds could not be checked: ${reason}` };
}
