/** @throws the signal's reason, or an Error when the time is over */
export async function within<T>(work: Promise<T>, timeout: number, signal: AbortSignal): Promise<T> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(both.reason);
  if (both.aborted) onAbort();
  both.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    both.removeEventListener('abort', onAbort);
  }
}
