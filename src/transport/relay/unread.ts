/** Bytes that wait for a slow user of a relay; beyond, its connection is ended. */
export const mostUnread = 16 * 1024 * 1024;

/** What a message that waits takes besides its own bytes: without it, many short ones would fill the memory. */
const bytesPerMessage = 512;

/** What waits for the other side of a stream of messages to read it. */
export interface Unread {
  /**
   * Counts a message.
   * @param size bytes, without what every message takes
   * @returns to be called when it is sent
   */
  readonly add: (size: number) => () => void;
  readonly isTooMuch: () => boolean;
  /** Whether nothing waits. */
  readonly isNone: () => boolean;
  /** Whether something waits, and nothing was sent for so many milliseconds. */
  readonly isStuck: (milliseconds: number) => boolean;
}

/** @param most bytes */
export function countUnread(most: number): Unread {
  let bytes = 0;
  let progress = 0;
  return {
    add: (size) => {
      if (bytes === 0) progress = performance.now();
      bytes += size + bytesPerMessage;
      return () => {
        bytes -= size + bytesPerMessage;
        progress = performance.now();
      };
    },
    isTooMuch: () => bytes > most,
    isNone: () => bytes === 0,
    isStuck: (milliseconds) => bytes > 0 && performance.now() - progress > milliseconds,
  };
}
