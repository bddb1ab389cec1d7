import { setImmediate as nextTurn } from 'node:timers/promises';
import { Problem } from '../../core/errors.ts';
import { startPatience } from './patience.ts';
import type { Place, Rumour } from './places.ts';
import { startPump } from './pump.ts';
import { openShares } from './shares.ts';

/** The budget of dialling rumours. */
export interface RumourBudget {
  /** Dials at once. */
  readonly concurrency: number;
  /** Milliseconds for one dial, and to wait for the next success where there are few rumours. */
  readonly timeout: number;
  /** Called once, when there are so many rumours that the lane is flooded. */
  readonly onFlood: () => void;
  /** Ends the search. */
  readonly signal: AbortSignal;
}

/** Names that were only heard, and wait to be dialled: each sender's in turn, and within the budget. */
export interface RumourLane {
  readonly add: (rumour: Rumour) => void;
  /** Call it when any node has proven itself. @param elapsed milliseconds that its dial took */
  readonly onProven: (elapsed: number, isRumour: boolean) => void;
  readonly isFlooded: () => boolean;
  /** Aborted when the rest is not worth waiting for: in a flood that happens while more is heard. */
  readonly abandoned: AbortSignal;
  /**
   * Waits until all are dialled, or the budget is spent; the rest is dropped. Then waits for the proven nodes that have
   * not answered.
   * @param elapsed milliseconds that the search has taken
   */
  readonly settle: (elapsed: number) => Promise<void>;
}

/**
 * Allowed failed dials, and additional ones for each node that proves itself: real nodes announce few foreign names.
 */
const failures = { base: 64, perSuccess: 8 };
/** The number of rumours from which the lane counts as flooded. */
const flood = 64;
/** Milliseconds after which a dial that hangs no longer delays the next one. */
const hangsAfter = 250;

export function startRumourLane({ concurrency, timeout, onFlood, signal }: RumourBudget): RumourLane {
  const shares = openShares(concurrency);
  const running = new Set<Promise<void>>();
  const abandon = new AbortController();
  let [failed, proven, flooded] = [0, 0, false];
  const abandonRest = () => abandon.abort(new Problem('no-response', 'nothing proved itself while the search waited'));
  const isFlooded = () => shares.waiting() + running.size > flood;
  const patience = startPatience(timeout, isFlooded, abandonRest);
  signal.addEventListener('abort', patience.stop, { once: true });

  const isSpent = () =>
    abandon.signal.aborted || signal.aborted || failed >= failures.base + failures.perSuccess * proven;

  const pump = startPump(() => {
    const place = isSpent() ? undefined : shares.takeNext();
    if (place !== undefined) begin(place);
    return place !== undefined;
  });

  function begin({ rumour, lend, release }: Place): void {
    const timer = setTimeout(() => lend() && pump.run(), hangsAfter);
    const dialling = rumour.dial(abandon.signal).then((found) => {
      clearTimeout(timer);
      running.delete(dialling);
      if (found) proven++;
      else failed++;
      release(found);
      pump.run();
    });
    running.add(dialling);
  }

  return {
    add(rumour) {
      if (isSpent()) return;
      shares.add(rumour);
      pump.run();
      if (flooded || !isFlooded()) return;
      flooded = true;
      patience.onFlood();
      onFlood();
    },
    onProven: patience.onProven,
    isFlooded,
    abandoned: abandon.signal,
    async settle(elapsed) {
      patience.begin(elapsed);
      const idle = (async () => {
        while (running.size > 0 || pump.isRunning()) await Promise.all([...running, nextTurn()]);
      })();
      const over = new Promise<void>((resolve) => abandon.signal.addEventListener('abort', () => resolve()));
      if (!abandon.signal.aborted) await Promise.race([idle, over]);
      patience.stop();
      abandonRest();
      await idle;
      shares.clear();
    },
  };
}
