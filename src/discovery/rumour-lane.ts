/** The budget of dialling rumours. */
export interface RumourBudget {
  /** Dials at once. */
  readonly concurrency: number;
  /** Milliseconds for one dial, and to wait for the next success if there are few rumours. */
  readonly timeout: number;
}

/** How long a search has taken, in milliseconds. */
export interface SearchTimes {
  readonly elapsed: number;
  /** The slowest dial of a node that proved itself outside of the lane; undefined if none did. */
  readonly slowest?: number | undefined;
}

/** Names that were only heard, and wait to be dialled: each sender's in turn, and within the budget. */
export interface RumourLane {
  /** @param sender of the name @param dial resolves to whether a node proved itself */
  readonly add: (sender: string, dial: (signal: AbortSignal) => Promise<boolean>) => void;
  /** Waits until all are dialled, or the budget is spent; the rest is dropped. */
  readonly settle: (times: SearchTimes) => Promise<void>;
}

/**
 * Allowed failed dials, and additional ones for each node that proves itself: real nodes announce few foreign names.
 */
const failures = { base: 64, perSuccess: 8 };
/**
 * The same for one sender, including running dials: a host that makes up names costs few handshakes, one that passes on
 * others' names more.
 */
const unproven = { base: 16, perSuccess: 8 };
/** The number of rumours from which the lane counts as flooded. */
const flood = 64;
/**
 * Once a node has proven itself, the search waits for the rest this many times as long as it has taken so far, and at
 * least so many milliseconds. A node that others have proven does not count as a rumour, and has the full time. In a flood,
 * most of the search was spent on reading it: there, the time of the slowest proven node counts instead.
 */
const patience = { usual: { times: 3, atLeast: 1000 }, flooded: { times: 2, atLeast: 150 } };
/** Milliseconds after which a dial that hangs no longer delays the next one, and how many may hang so. */
const hanging = { after: 250, most: 64 };

type DialRumour = (signal: AbortSignal) => Promise<boolean>;

export function startRumourLane({ concurrency, timeout }: RumourBudget): RumourLane {
  const lane = openLane(concurrency);
  return {
    add: (name, dial) => {
      if (isSpent(lane)) return;
      lane.open++;
      const sender = lane.senders.get(name) ?? { waiting: [], begun: 0, proven: 0 };
      sender.waiting.push(dial);
      lane.senders.set(name, sender);
      dialMore(lane);
    },
    settle: async (times) => {
      const idle = (async () => {
        while (lane.running.size > 0) await Promise.all(lane.running);
      })();
      const quiet = waitForQuiet(lane, timeout, times);
      await Promise.race([idle, quiet.promise]);
      quiet.end();
      lane.abandon.abort();
      await idle;
      lane.senders.clear();
    },
  };
}

/** The senders of names. */
interface Sender {
  readonly waiting: DialRumour[];
  /** Dials, including running ones. */
  begun: number;
  proven: number;
}

/** The progress of a lane. */
interface Lane {
  readonly senders: Map<string, Sender>;
  readonly running: Set<Promise<void>>;
  /** Aborted when the budget is used up. */
  readonly abandon: AbortController;
  /** Dials for which there is room at once. */
  room: number;
  /** Rumours whose dial has not ended. */
  open: number;
  failed: number;
  proven: number;
  /** Milliseconds that the slowest of the proven took. */
  slowest: number;
  /** Dials that hang. */
  hung: number;
  onSuccess: () => void;
}

function openLane(room: number): Lane {
  const counts = { room, open: 0, failed: 0, proven: 0, slowest: 0, hung: 0 };
  return { senders: new Map(), running: new Set(), abandon: new AbortController(), ...counts, onSuccess: () => {} };
}

function isSpent({ abandon, failed, proven }: Lane): boolean {
  return abandon.signal.aborted || failed >= failures.base + failures.perSuccess * proven;
}

/** Dials rumours, each sender's in turn, while there is room and budget. */
function dialMore(lane: Lane): void {
  if (lane.room === 0 || isSpent(lane)) return;
  for (const [name, sender] of lane.senders) {
    if (sender.begun - sender.proven >= unproven.base + unproven.perSuccess * sender.proven) continue;
    const dial = sender.waiting.shift();
    if (dial === undefined) continue;
    // Its next turn comes after all the others'.
    lane.senders.delete(name);
    lane.senders.set(name, sender);
    startDial(lane, sender, dial);
    if (lane.room === 0) return;
  }
}

/** Dials one rumour. One that hangs frees its place for others, and continues in the background. */
function startDial(lane: Lane, sender: Sender, dial: DialRumour): void {
  lane.room--;
  sender.begun++;
  const begun = performance.now();
  let hangs = false;
  const timer = setTimeout(() => {
    if (lane.hung >= hanging.most) return;
    hangs = true;
    lane.hung++;
    lane.room++;
    dialMore(lane);
  }, hanging.after);
  const working = dial(lane.abandon.signal).then((found) => {
    clearTimeout(timer);
    lane.running.delete(working);
    lane.open--;
    if (hangs) lane.hung--;
    else lane.room++;
    if (found) {
      lane.proven++;
      sender.proven++;
      lane.slowest = Math.max(lane.slowest, performance.now() - begun);
      lane.onSuccess();
    } else lane.failed++;
    dialMore(lane);
  });
  lane.running.add(working);
}

/** Resolves when no rumour has proven true for so long that none is worth waiting for. */
function waitForQuiet(lane: Lane, timeout: number, { elapsed, slowest }: SearchTimes) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const enough = () => {
    if (slowest === undefined && lane.proven === 0) return timeout;
    const [{ times, atLeast }, measure] =
      lane.open > flood ? [patience.flooded, Math.max(lane.slowest, slowest ?? 0)] : [patience.usual, elapsed];
    return Math.min(timeout, Math.max(atLeast, times * measure));
  };
  const wait = () => setTimeout(resolve, enough());
  let timer = wait();
  lane.onSuccess = () => {
    clearTimeout(timer);
    timer = wait();
  };
  return { promise, end: () => clearTimeout(timer) };
}
