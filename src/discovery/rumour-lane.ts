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
  /** Waits until all are dialled, or the budget is spent; what is left then is dropped. @param elapsed milliseconds that the search has taken */
  readonly settle: (elapsed: number) => Promise<void>;
}

/** Dials that may fail, and how many more for each node that proves itself: real nodes announce few names that are not theirs. */
const failures = { base: 64, perSuccess: 8 };
/** From so many rumours on, the lane is flooded: then they are waited for only as long as the search has taken anyway. */
const flood = 64;
const shortestWait = 250;

export function startRumourLane({ concurrency, timeout }: RumourBudget): RumourLane {
  const limit = defineLimit(concurrency);
  const waiting = new Map<string, ((signal: AbortSignal) => Promise<boolean>)[]>();
  const running = new Set<Promise<void>>();
  const given = new AbortController();
  let open = 0;
  let failed = 0;
  let proven = 0;
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
    const found = await dial(given.signal);
    open--;
    if (found) {
      proven++;
      onSuccess();
    } else failed++;
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
    settle: async (elapsed) => {
      const idle = (async () => {
        while (running.size > 0) await Promise.all(running);
      })();
      const quiet = waitForQuiet(elapsed);
      await Promise.race([idle, quiet.promise]);
      quiet.end();
      given.abort();
      await idle;
      waiting.clear();
    },
  };

  /** Resolves when no rumour has proven true for so long that none is worth waiting for. */
  function waitForQuiet(elapsed: number): { promise: Promise<void>; end: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wait = () => setTimeout(resolve, open > flood && proven > 0 ? Math.max(shortestWait, elapsed) : timeout);
    let timer = wait();
    onSuccess = () => {
      clearTimeout(timer);
      timer = wait();
    };
    return { promise, end: () => clearTimeout(timer) };
  }
}
