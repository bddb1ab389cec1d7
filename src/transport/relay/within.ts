import { startAnswerDeadline } from '../../core/waiting/deadline.ts';

/** @throws the signal's reason, or an Error when the time is over */
export async function within<T>(work: Promise<T>, timeout: number, signal: AbortSignal): Promise<T> {
  const deadline = startAnswerDeadline(timeout, [signal]);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(deadline.signal.reason);
  if (deadline.signal.aborted) onAbort();
  deadline.signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    deadline.end();
  }
}
