/** Waits until nobody holds the lease of a run: the first client may still be at work. */
import { Problem } from '../../../core/errors.ts';
import { isObject, type JsonObject } from '../../../core/json.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import type { JournalLookup } from './fetch-run.ts';

/** The lease of a run, as a node keeps it. */
export interface LeasedRun {
  readonly caller: string;
  readonly from: string;
  /** Seconds. */
  readonly left: number;
}

export interface Waiting {
  /** The lease with the longest remaining time; undefined if there is none. */
  readonly read: () => Promise<LeasedRun | undefined>;
  readonly report: (line: string) => void;
  /** Milliseconds; ends early when the signal is aborted. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

/** Milliseconds between two queries. */
const interval = 500;
/** Seconds by which the remaining time may seem to grow without a renewal: each node rounds up. */
const rounding = 2;

/**
 * A lease that is renewed meanwhile belongs to a living run; otherwise it ends by itself (`lease` in client.yaml, 30
 * s).
 * @returns whether there was one to wait for: the run may have continued until then
 * @throws Problem `run-in-progress`
 */
export async function awaitLapse({ read, report, sleep, clock, signal }: Waiting): Promise<boolean> {
  const first = await read();
  if (first === undefined) return false;
  const who = `${first.caller}${first.from === '' ? '' : ` on ${first.from}`}`;
  report(`waiting: ${who} may still be running it; its lease ends in ${first.left} s unless it is renewed`);
  const latest = clock() + (first.left + rounding) * 1000;
  let least = first.left;
  for (;;) {
    await sleep(interval);
    if (signal.aborted) throw new Problem('cancelled', 'interrupted while waiting for the lease of the run');
    const lease = await read();
    if (lease === undefined) return true;
    if (lease.left > least + rounding || clock() > latest) {
      const what = `the run is still in progress: ${who} has renewed its lease`;
      throw new Problem('run-in-progress', what, 'wait for it to end, or stop it');
    }
    least = Math.min(least, lease.left);
  }
}

/** The run's lease with the longest remaining time. */
export async function readLease(
  run: string,
  nodes: readonly FoundNode[],
  { session, catalogue, context }: JournalLookup,
): Promise<LeasedRun | undefined> {
  const ddl = requireDdl(catalogue, 'lock');
  const outcomes = await callNodes({ ddl, action: 'list', input: () => ({}) }, nodes, session, context.signal);
  return outcomes
    .flatMap(({ data }) => (Array.isArray(data.leases) ? (data.leases as unknown[]) : []))
    .filter((lease): lease is JsonObject => isObject(lease) && lease.run === run)
    .map(({ caller, from, left }) => ({ caller: String(caller), from: String(from), left: Number(left) }))
    .sort((a, b) => b.left - a.left)[0];
}
