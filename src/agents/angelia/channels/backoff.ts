/** Seconds, as configured. */
export interface RetryPolicy {
  readonly first: number;
  readonly longest: number;
  readonly age: number;
}

/**
 * Milliseconds until the next try: doubled each time up to the longest, and then anything from half of it to the whole,
 * so that what failed together does not come back together.
 * @param attempts tries so far, at least 1
 * @param random from 0 to 1
 */
export function backoff(attempts: number, { first, longest }: RetryPolicy, random: number): number {
  const whole = Math.min(longest, first * 2 ** Math.min(attempts - 1, 30));
  return Math.round(whole * 1000 * (0.5 + random / 2));
}
