import type { Log } from '../../core/ports.ts';

/** Log entries about strangers: limited in rate, so that no stranger can fill a disk. */
export interface StrangerLog {
  readonly note: (from: string, reason: string) => void;
  /** How many there were. */
  readonly count: () => number;
}

const perMinute = 30;

export function startStrangerLog(log: Log, now: () => number): StrangerLog {
  let total = 0;
  let minute = 0;
  let noted = 0;
  let dropped = 0;
  return {
    note: (from, reason) => {
      total++;
      const current = Math.floor(now() / 60_000);
      if (current !== minute) {
        if (dropped > 0) log.warn({ dropped }, 'more strangers were refused than are logged');
        minute = current;
        noted = 0;
        dropped = 0;
      }
      if (noted < perMinute) log.warn({ from: from.slice(0, 200), reason: reason.slice(0, 300) }, 'stranger refused');
      else dropped++;
      noted++;
    },
    count: () => total,
  };
}
