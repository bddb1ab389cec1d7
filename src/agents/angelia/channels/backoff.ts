/** Seconds, from the configuration. */
export interface RetryPolicy {
  readonly first: number;
  readonly longest: number;
  readonly age: number;
}

/**
 * Milliseconds until the next try: doubled each time up to the limit, and then a random part from half of it to the
 * whole, so that messages that failed together do not return together.
 * @param attempts tries so far, at least 1
 * @param random from 0 to 1
 */
export function backoff(attempts: number, { first, longest }: RetryPolicy, random: number): number {
  const whole = Math.min(longest, first * 2 ** Math.min(attempts - 1, 30));
  return Math.round(whole * 1000 * (0.5 + random / 2));
}
