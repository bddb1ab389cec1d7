/** The end of the wait for rumours that prove true. */
export interface Patience {
  /** Call it when a node has proven itself: a rumour, or one known before. @param elapsed milliseconds that its dial took */
  readonly onProven: (elapsed: number, isRumour: boolean) => void;
  /** Call it when the lane is flooded: the wait begins, and ends as soon as a node was found and no other follows. */
  readonly onFlood: () => void;
  /** Begins the wait in any case. @param elapsed milliseconds that the search has taken */
  readonly begin: (elapsed: number) => void;
  readonly stop: () => void;
}

/**
 * Once a node has proven itself, the search waits for the next one: usually this many times as long as it has taken so
 * far, and at least so many milliseconds. In a flood, that is this many times as long as the slowest proven node took: most
 * of the search was spent on the flood. A node that others have proven does not count as a rumour, and has the full time.
 */
const usual = { times: 3, atLeast: 1000 };
const flooded = { times: 1, atLeast: 100 };
/** Milliseconds. The wait is counted in ticks: a process that stands still for longer has not listened meanwhile. */
const tick = 20;

/**
 * @param timeout milliseconds to wait for the first node
 * @param isFlooded whether there are too many rumours
 * @param onEnd called once, when no rumour has proven true for so long that none is worth waiting for
 */
export function startPatience(timeout: number, isFlooded: () => boolean, onEnd: () => void): Patience {
  let timer: NodeJS.Timeout | undefined;
  let quiet = 0;
  let slowest: number | undefined;
  let searched: number | undefined;

  function enough(): number {
    const isFlood = isFlooded();
    if (searched === undefined && (slowest === undefined || !isFlood)) return Number.POSITIVE_INFINITY;
    if (slowest === undefined) return timeout;
    const { times, atLeast } = isFlood ? flooded : usual;
    return Math.min(timeout, Math.max(atLeast, times * (isFlood ? slowest : (searched ?? 0))));
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  function start(): void {
    timer ??= setInterval(() => {
      quiet += tick;
      if (quiet < enough()) return;
      stop();
      onEnd();
    }, tick);
  }

  return {
    onProven(elapsed, isRumour) {
      if (!isRumour && slowest !== undefined) return;
      slowest = Math.max(slowest ?? 0, elapsed);
      quiet = 0;
    },
    onFlood: start,
    begin(elapsed) {
      searched = elapsed;
      if (!isFlooded()) quiet = 0;
      start();
    },
    stop,
  };
}
