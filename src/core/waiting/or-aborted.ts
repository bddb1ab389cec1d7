import { startAnswerDeadline } from './deadline.ts';

/**
 * The work's result, unless the signal comes first. The work itself goes on then.
 * @param discard is passed a result that comes after the signal
 * @throws the work's failure, or the signal's reason
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal, discard?: (late: T) => unknown): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let aborted = false;
  const onAbort = () => {
    aborted = true;
    reject(signal.reason);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort);
  const end = () => signal.removeEventListener('abort', onAbort);
  work.then((result) => {
    end();
    // Either the caller has the result, or `discard` does.
    if (aborted) discard?.(result);
    else resolve(result);
  }, reject);
  promise.catch(end);
  return promise;
}

/**
 * The same within a time, as of {@link startAnswerDeadline}.
 * @param timeout milliseconds
 * @throws the work's failure, the signal's reason, or an Error when the time is over
 */
export async function within<T>(work: Promise<T>, timeout: number, signal: AbortSignal): Promise<T> {
  const deadline = startAnswerDeadline(timeout, [signal]);
  try {
    return await orAborted(work, deadline.signal);
  } finally {
    deadline.end();
  }
}
