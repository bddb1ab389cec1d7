import type { Inbox } from './inbox.ts';

/** The time in which this process ran: while it is stopped, or its machine is, nodes may be stopped too. */
export interface OwnTime {
  /** Milliseconds. */
  readonly now: () => number;
  /** Waits for something new in the inbox, for a part of the time until then. */
  readonly waitUntil: (time: number) => Promise<void>;
}

/** Milliseconds: the longest single wait. */
const longestWait = 20;
/** Milliseconds: a wait that takes so much longer was stopped, and this does not count. A busy machine delays many a little. */
const isStop = 200;

export function startOwnTime(inbox: Pick<Inbox, 'waitUntil'>): OwnTime {
  let stopped = 0;
  const now = () => performance.now() - stopped;
  return {
    now,
    async waitUntil(time) {
      const begun = now();
      const end = Math.max(begun, Math.min(time, begun + longestWait));
      await inbox.waitUntil(end + stopped);
      const late = now() - end;
      if (late > isStop) stopped += late;
    },
  };
}
