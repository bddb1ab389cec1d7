import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '../../../core/errors.ts';

/**
 * Lets one change run at a time: two that judged the same state would together take out more than either may.
 * Who waits is let go when its call is cancelled.
 */
export function defineTurns(): <T>(act: () => Promise<T>, signal: AbortSignal) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act, signal) => {
    const turn = last.then(() => {
      if (signal.aborted) throw cancelled();
      return act();
    });
    last = turn.catch(() => {});
    return turn;
  };
}

/** @throws Problem `cancelled` */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {
    throw cancelled();
  });
}

function cancelled(): Problem {
  return new Problem('cancelled', 'the call was cancelled');
}
