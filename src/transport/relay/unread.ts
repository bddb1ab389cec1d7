/** What a message that waits takes besides its own bytes: without it, many short ones would fill the memory. */
export const bytesPerMessage = 512;

/** Bytes that wait for a slow user of a relay; beyond, its connection is ended. */
export const mostUnread = 16 * 1024 * 1024;

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
}

/** @param most bytes */
export function countUnread(most: number): Unread {
  let bytes = 0;
  return {
    add: (size) => {
      bytes += size + bytesPerMessage;
      return () => {
        bytes -= size + bytesPerMessage;
      };
    },
    isTooMuch: () => bytes > most,
    isNone: () => bytes === 0,
  };
}
