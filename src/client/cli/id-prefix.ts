/** The ids of runs and jobs, which may be typed by their first digits. */
import { Problem } from '../../core/errors.ts';

/** @throws Problem `usage` unless it may be the beginning of an id */
export function requireIdPrefix(prefix: string, what: 'run' | 'job'): void {
  if (/^[0-9a-f]{4,32}$/.test(prefix)) return;
  const message = `“${prefix.slice(0, 40)}” is not a valid ${what} id`;
  throw new Problem('usage', message, 'give the id, or at least its first four digits');
}

/** @param listing the command that lists the ids */
export function ambiguousId(prefix: string, matches: number, what: 'run' | 'job', listing: string): Problem {
  return new Problem('usage', `${prefix} matches ${matches} ${what}s`, `give more digits: “${listing}” lists them`);
}
