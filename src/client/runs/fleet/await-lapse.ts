/** Waits until nobody holds the lease of a run any more: whoever ran it may still be at work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../../core/errors.ts';
import { isObject, type JsonObject } from '../../../core/json.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { askNodes } from '../../../library/fleet/call-nodes.ts';
import { requireDdl } from '../../fleet/session.ts';
import type { FleetLook } from './fetch-run.ts';

/** Milliseconds between two looks. */
const interval = 500;
/** Seconds by which the time left may seem to grow without a renewal: each node rounds its own up. */
const rounding = 2;

/**
 * A lease that is renewed meanwhile is held by a living run; one that is not passes by itself (`lease` in client.yaml, 30 s).
 * @param nodes that keep leases of the run
 * @throws Problem `run-in-progress`
 */
export async function awaitLapse(run: string, nodes: readonly FoundNode[], look: FleetLook): Promise<void> {
  const { context } = look;
  let least = Number.POSITIVE_INFINITY;
  let told = false;
  for (;;) {
    const held = await readHeld(run, nodes, look);
    if (held === undefined) return;
    const who = `${held.caller}${held.from === '' ? '' : ` on ${held.from}`}`;
    if (held.left > least + rounding) {
      throw new Problem(
        'run-in-progress',
        `the run is still in progress: ${who} has just renewed its lease`,
        'wait for it to end, or stop it',
      );
    }
    least = Math.min(least, held.left);
    if (!told) context.err(`waiting: ${who} may still run it; its lease ends in ${held.left} s unless it is renewed`);
    told = true;
    await sleep(interval, undefined, { signal: context.signal }).catch(() => {});
    if (context.signal.aborted)
      throw new Problem('run-in-progress', 'interrupted while waiting for the lease of the run');
  }
}

interface HeldRun {
  readonly caller: string;
  readonly from: string;
  /** Seconds. */
  readonly left: number;
}

/** The lease of the run that lives longest. */
async function readHeld(
  run: string,
  nodes: readonly FoundNode[],
  { session, catalogue, context }: FleetLook,
): Promise<HeldRun | undefined> {
  const ddl = requireDdl(catalogue, 'lock');
  const outcomes = await askNodes({ ddl, action: 'list', input: () => ({}) }, nodes, session, context.signal);
  return outcomes
    .flatMap(({ data }) => (Array.isArray(data.leases) ? (data.leases as unknown[]) : []))
    .filter((lease): lease is JsonObject => isObject(lease) && lease.run === run)
    .map(({ caller, from, left }) => ({ caller: String(caller), from: String(from), left: Number(left) }))
    .sort((a, b) => b.left - a.left)[0];
}
