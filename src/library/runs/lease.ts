import { setTimeout as sleep } from 'node:timers/promises';
import { explain, Problem } from '../../core/errors.ts';
import { type ReleaseOptions, releaseLease } from './release-lease.ts';

/** A lease that is renewed three times in its `ttl`. */
export interface LeaseOptions extends ReleaseOptions {
  readonly nodes: readonly string[];
  /** Milliseconds to wait for another holder. */
  readonly wait: number;
  readonly signal: AbortSignal;
}

/** A lease that is held on all its nodes and is renewed until it is released. */
export interface HeldLease {
  readonly name: string;
  /** The node’s number for it; undefined on a node without the lease. */
  readonly fenceOf: (node: string) => number | undefined;
  /** Aborted, with the Problem as its reason, when a node reports that it has ended or cannot be reached in time. */
  readonly lost: AbortSignal;
  readonly release: () => Promise<void>;
}

/**
 * Takes a lease on all nodes or on none, one after the other in the order of their names: of two runs for the same
 * nodes, one comes first everywhere.
 * @throws Problem `lease-held`, `no-lease`, `cancelled`
 */
export async function takeLease(options: LeaseOptions): Promise<HeldLease> {
  const deadline = performance.now() + options.wait;
  let reported = false;
  for (;;) {
    const fences = new Map<string, number>();
    const unsure = new Map<string, undefined>();
    const failed = await takeAll(options, fences, unsure);
    if (failed === undefined) return keepLease(options, fences);
    await releaseLease(options, new Map([...fences, ...unsure]));
    if (reported && options.signal.aborted)
      throw new Problem('cancelled', `interrupted while waiting: ${failed.message}`);
    if (failed.code !== 'lease-held' || performance.now() >= deadline || options.signal.aborted) throw failed;
    if (!reported) options.report(`waiting: ${failed.message}`);
    reported = true;
    // Waiting clients do not all ask at the same moment.
    const wait = 400 + Math.random() * 200;
    await (options.pause?.(wait) ?? sleep(wait, undefined, { signal: options.signal }).catch(() => {}));
  }
}

/** @param unsure receives a node that may have given the lease although no reply came */
async function takeAll(
  options: LeaseOptions,
  fences: Map<string, number>,
  unsure: Map<string, undefined>,
): Promise<Problem | undefined> {
  const { name, from, ttl } = options;
  for (const node of [...options.nodes].sort()) {
    const { outcome, code, message, hint, data } = await options.ask(node, 'take', { name, ttl, from });
    const fence = data.fence;
    if (outcome === 'ok' && typeof fence === 'number') {
      fences.set(node, fence);
      continue;
    }
    if (code === 'no-response') unsure.set(node, undefined);
    if (code === 'lease-held') return new Problem(code, `${node}: ${message}`, hint);
    const what = `${node} gave no lease “${name}”: ${message}`;
    return new Problem(
      'no-lease',
      what,
      hint || 'enable the agent lock there, or continue without a lease (--no-lock)',
    );
  }
  return undefined;
}

function keepLease(options: LeaseOptions, fences: ReadonlyMap<string, number>): HeldLease {
  const { name, ask, ttl } = options;
  const lost = new AbortController();
  let released = false;
  const renewed = new Map([...fences.keys()].map((node) => [node, performance.now()]));
  const renew = async ([node, fence]: [string, number]) => {
    const began = performance.now();
    const { outcome, code, message } = await ask(node, 'renew', { name, fence, ttl });
    // A renewal in progress at the release finds no lease.
    if (released) return;
    if (outcome === 'ok') renewed.set(node, began);
    else if (code === 'stale-lease' || began - (renewed.get(node) ?? 0) > ttl * 1000) {
      const why = new Problem('lease-lost', `the lease “${name}” was lost on ${node}: ${message}`);
      if (!lost.signal.aborted) options.report(explain(why));
      lost.abort(why);
    }
  };
  const timer = setInterval(() => void Promise.all([...fences].map(renew)), (ttl * 1000) / 3);
  timer.unref();
  return {
    name,
    fenceOf: (node) => fences.get(node),
    lost: lost.signal,
    release: async () => {
      released = true;
      clearInterval(timer);
      await releaseLease(options, fences);
    },
  };
}
