import { setTimeout as delay } from 'node:timers/promises';
import { defineMutex } from '../../../core/waiting/concurrency.ts';
import { Problem } from '../../../core/errors.ts';

/**
 * Runs one change at a time: two that judged the same state would together take out more than either may. A call that
 * is cancelled while it waits for its turn does nothing, and ends at once. @throws Problem `cancelled`
 */
export function defineChangeMutex(): <T>(act: () => Promise<T>, signal: AbortSignal) => Promise<T> {
  const mutex = defineMutex();
  return <T>(act: () => Promise<T>, signal: AbortSignal) =>
    new Promise<T>((resolve, reject) => {
      const leave = () => reject(cancelled());
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) leave();
      mutex(async () => {
        signal.removeEventListener('abort', leave);
        if (signal.aborted) throw cancelled();
        return await act();
      }).then(resolve, reject);
    });
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
