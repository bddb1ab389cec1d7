import { defineLimit } from '../core/concurrency.ts';

/** The budget of dialling rumours. */
export interface RumourBudget {
  /** Dials at once. */
  readonly concurrency: number;
  /** Milliseconds for one dial, and to wait for the next success where there are few rumours. */
  readonly timeout: number;
}

/** Names that were only heard, and wait to be dialled: each sender's in turn, and within the budget. */
export interface RumourLane {
  /**
   * @param sender of the name
   * @param dial resolves to whether a node proved itself and answered. Its signal ends a dial that has proven nothing;
   * a proven node has its full time.
   */
  readonly add: (sender: string, dial: (signal: AbortSignal) => Promise<boolean>) => void;
  /**
   * Waits until all are dialled, or the budget is spent; the rest is dropped. Then waits for the proven nodes that have
   * not answered.
   * @param elapsed milliseconds that the search has taken
   * @param found whether any node has proven itself, in this lane or elsewhere
   */
  readonly settle: (elapsed: number, found: boolean) => Promise<void>;
}

/**
 * Allowed failed dials, and additional ones for each node that proves itself: real nodes announce few foreign names.
 */
const failures = { base: 64, perSuccess: 8 };
/** The number of rumours from which the lane counts as flooded. */
const flood = 64;
/**
 * Once a node has proven itself, the search waits for the rest this many times as long as it has taken so far, and at
 * least so many milliseconds. A node that others have proven does not count as a rumour, and has the full time.
 */
const patience = { usual: { times: 3, atLeast: 1000 }, flooded: { times: 1, atLeast: 250 } };
/** Milliseconds after which a dial that hangs no longer delays the next one, and how many may hang so. */
const hanging = { after: 250, most: 64 };

type DialRumour = (signal: AbortSignal) => Promise<boolean>;

export function startRumourLane({ concurrency, timeout }: RumourBudget): RumourLane {
  const limit = defineLimit(concurrency);
  const lane = openLane();
  return {
    add: (sender, dial) => {
      if (isSpent(lane)) return;
      lane.open++;
      const dials = lane.waiting.get(sender) ?? [];
      dials.push(dial);
      lane.waiting.set(sender, dials);
      const working = limit(() => dialNext(lane)).finally(() => lane.running.delete(working));
      lane.running.add(working);
    },
    settle: async (elapsed, found) => {
      const idle = (async () => {
        while (lane.running.size > 0) await Promise.all(lane.running);
      })();
      const quiet = waitForQuiet(lane, timeout, elapsed, found);
      await Promise.race([idle, quiet.promise]);
      quiet.end();
      lane.abandon.abort();
      await idle;
      lane.waiting.clear();
    },
  };
}

/** The progress of a lane. */
interface Lane {
  /** By sender. */
  readonly waiting: Map<string, DialRumour[]>;
  readonly running: Set<Promise<void>>;
  /** Aborted when the budget is used up. */
  readonly abandon: AbortController;
  /** Rumours whose dial has not ended. */
  open: number;
  failed: number;
  proven: number;
  /** Dials that hang. */
  hung: number;
  onSuccess: () => void;
}

function openLane(): Lane {
  const counts = { open: 0, failed: 0, proven: 0, hung: 0 };
  return { waiting: new Map(), running: new Set(), abandon: new AbortController(), ...counts, onSuccess: () => {} };
}

function isSpent({ abandon, failed, proven }: Lane): boolean {
  return abandon.signal.aborted || failed >= failures.base + failures.perSuccess * proven;
}

/** The next dial of the sender whose turn it is. */
function takeNext({ waiting }: Lane): DialRumour | undefined {
  for (const [sender, dials] of waiting) {
    waiting.delete(sender);
    const dial = dials.shift();
    if (dials.length > 0) waiting.set(sender, dials);
    if (dial !== undefined) return dial;
  }
  return undefined;
}

/** Dials the next rumour. One that hangs frees its place for others, and continues in the background. */
async function dialNext(lane: Lane): Promise<void> {
  const dial = isSpent(lane) ? undefined : takeNext(lane);
  if (dial === undefined) return;
  const done = dial(lane.abandon.signal).then((found) => {
    lane.open--;
    if (found) {
      lane.proven++;
      lane.onSuccess();
    } else lane.failed++;
  });
  if (lane.hung >= hanging.most) return await done;
  if (await isDoneWithin(done, hanging.after)) return;
  lane.hung++;
  const over = done.finally(() => {
    lane.hung--;
    lane.running.delete(over);
  });
  lane.running.add(over);
}

/** Resolves when no rumour has proven true for so long that none is worth waiting for. */
function waitForQuiet(lane: Lane, timeout: number, elapsed: number, found: boolean) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const enough = () => {
    const { times, atLeast } = lane.open > flood ? patience.flooded : patience.usual;
    return found || lane.proven > 0 ? Math.min(timeout, Math.max(atLeast, times * elapsed)) : timeout;
  };
  const wait = () => setTimeout(resolve, enough());
  let timer = wait();
  lane.onSuccess = () => {
    clearTimeout(timer);
    timer = wait();
  };
  return { promise, end: () => clearTimeout(timer) };
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
