import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../core/request/reply.ts';
import type { JsonObject } from '../../core/json.ts';

/** A lease, and the means to release it. */
export interface ReleaseOptions {
  readonly name: string;
  readonly runId: string;
  /** Its lifetime in seconds, unless it is renewed. */
  readonly ttl: number;
  /** In the form that the nodes report to others. */
  readonly from: string;
  /** Calls an action of the agent lock on a node, for the run. */
  readonly ask: (node: string, action: string, input: JsonObject) => Promise<Outcome>;
  readonly report: (line: string) => void;
  /** Waits (milliseconds) between tries to take or release it; by default by the clock. */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/** Milliseconds between the tries to release a lease: a full disk or a restart of the daemon is often over by then. */
const pauses = [500, 1000, 2000, 4000];
/** Milliseconds after the first try in which the last one may begin. A node that is cut off replies to none of them. */
const longest = 10_000;

/**
 * Releases a lease on each node. A node that refuses or does not reply is reported and asked again, a limited number of
 * times. A lease that it still holds then ends by itself, and the same run can take it again.
 * @param fences the number on each node; undefined if the node may have given the lease and its reply was lost
 */
export async function releaseLease(
  { name, ttl, from, runId, ask, report, pause = sleep }: ReleaseOptions,
  fences: ReadonlyMap<string, number | undefined>,
): Promise<void> {
  const releaseOne = async (node: string, known: number | undefined): Promise<Outcome> => {
    if (known !== undefined) return await ask(node, 'release', { name, fence: known });
    // Only its number releases a lease, and the run that holds it gets a new number.
    const taken = await ask(node, 'take', { name, ttl, from });
    const { fence } = taken.data;
    return taken.outcome === 'ok' && typeof fence === 'number' ? await ask(node, 'release', { name, fence }) : taken;
  };
  const tryAll = async (leases: Iterable<readonly [string, number | undefined]>) => {
    const outcomes = await Promise.all([...leases].map(([node, fence]) => releaseOne(node, fence)));
    return outcomes.filter((outcome) => !isFree(outcome));
  };
  let kept = await tryAll(fences);
  if (kept.length === 0) return;
  for (const { node, message } of kept) report(`${node} did not release the lease “${name}”: ${message}; trying again`);
  const began = performance.now();
  for (const wait of pauses) {
    await pause(wait);
    if (performance.now() - began > longest) break;
    kept = await tryAll(kept.map(({ node }) => [node, fences.get(node)]));
    if (kept.length === 0) {
      report(`the lease “${name}” is released now`);
      return;
    }
  }
  const where = kept.map(({ node }) => node).sort();
  report(
    `warning: the lease “${name}” is still held on ${where.join(', ')}; it ends by itself within ${ttl} s; ` +
      `“mco-deploy resume ${runId}” takes it over if the run is not done; “mco-deploy locks break ${name}” ends it now`,
  );
}

/** A lease that has ended, was broken or belongs to another run needs no release. */
function isFree({ outcome, code }: Outcome): boolean {
  return outcome === 'ok' || code === 'stale-lease' || code === 'lease-held';
}
