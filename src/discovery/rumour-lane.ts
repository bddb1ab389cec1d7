import { defineLimit } from '../core/concurrency.ts';

/** What dialling rumours may cost. */
export interface RumourBudget {
  /** Dials at once. */
  readonly concurrency: number;
  /** Milliseconds for one dial, and to wait for the next success where there are few rumours. */
  readonly timeout: number;
}

/** Names that were only heard, and wait to be dialled: each sender's in turn, and no more than the budget allows. */
export interface RumourLane {
  /** @param sender who made it heard @param dial resolves to whether a node proved itself */
  readonly add: (sender: string, dial: (signal: AbortSignal) => Promise<boolean>) => void;
  /**
   * Waits until all are dialled, or the budget is spent; what is left then is dropped.
   * @param elapsed milliseconds that the search has taken
   * @param found whether any node has proven itself, in this lane or elsewhere
   */
  readonly settle: (elapsed: number, found: boolean) => Promise<void>;
}

/** Dials that may fail, and how many more for each node that proves itself: real nodes announce few names that are not theirs. */
const failures = { base: 64, perSuccess: 8 };
/** From so many rumours on, the lane is flooded. */
const flood = 64;
/**
 * Once a node has proven itself, the rest is waited for as many times as long as the search has taken, and so many milliseconds
 * at least. A node that others have proven is no rumour, and has all of its time.
 */
const patience = { usual: { times: 3, atLeast: 1000 }, flooded: { times: 1, atLeast: 250 } };
/** Milliseconds after which a dial that hangs no longer keeps the next one waiting, and how many may hang so. */
const hanging = { after: 250, most: 64 };

export function startRumourLane({ concurrency, timeout }: RumourBudget): RumourLane {
  const limit = defineLimit(concurrency);
  const waiting = new Map<string, ((signal: AbortSignal) => Promise<boolean>)[]>();
  const running = new Set<Promise<void>>();
  const given = new AbortController();
  let open = 0;
  let failed = 0;
  let proven = 0;
  let hung = 0;
  let onSuccess = () => {};

  const isSpent = () => given.signal.aborted || failed >= failures.base + failures.perSuccess * proven;

  function next(): ((signal: AbortSignal) => Promise<boolean>) | undefined {
    for (const [sender, dials] of waiting) {
      waiting.delete(sender);
      const dial = dials.shift();
      if (dials.length > 0) waiting.set(sender, dials);
      if (dial !== undefined) return dial;
    }
    return undefined;
  }

  async function work(): Promise<void> {
    const dial = isSpent() ? undefined : next();
    if (dial === undefined) return;
    const done = dial(given.signal).then((found) => {
      open--;
      if (found) {
        proven++;
        onSuccess();
      } else failed++;
    });
    if (hung >= hanging.most) return await done;
    if (await isDoneWithin(done, hanging.after)) return;
    hung++;
    const over = done.finally(() => {
      hung--;
      running.delete(over);
    });
    running.add(over);
  }

  return {
    add: (sender, dial) => {
      if (isSpent()) return;
      open++;
      const dials = waiting.get(sender) ?? [];
      dials.push(dial);
      waiting.set(sender, dials);
      const working = limit(work).finally(() => running.delete(working));
      running.add(working);
    },
    settle: async (elapsed, found) => {
      const idle = (async () => {
        while (running.size > 0) await Promise.all(running);
      })();
      const quiet = waitForQuiet(elapsed, found);
      await Promise.race([idle, quiet.promise]);
      quiet.end();
      given.abort();
      await idle;
      waiting.clear();
    },
  };

  /** Resolves when no rumour has proven true for so long that none is worth waiting for. */
  function waitForQuiet(elapsed: number, found: boolean): { promise: Promise<void>; end: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const enough = () => {
      const { times, atLeast } = open > flood ? patience.flooded : patience.usual;
      return found || proven > 0 ? Math.min(timeout, Math.max(atLeast, times * elapsed)) : timeout;
    };
    const wait = () => setTimeout(resolve, enough());
    let timer = wait();
    onSuccess = () => {
      clearTimeout(timer);
      timer = wait();
    };
    return { promise, end: () => clearTimeout(timer) };
  }
}

async function isDoneWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
