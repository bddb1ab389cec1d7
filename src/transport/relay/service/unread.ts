const mebibyte = 1024 * 1024;

/**
 * Bytes that wait for a slow user of a relay; beyond, its connection is ended. A client calls 64 nodes at once, whose
 * agents reply with up to half a mebibyte each, over a line that may be slower than the relay's.
 */
export const mostUnread = 64 * mebibyte;

/** What waits for all users of a relay together. While it is more than `most`, no user may have more than `fair`. */
export interface Crowd {
  /** Of all users now. */
  bytes: number;
  readonly most: number;
  readonly fair: number;
}

export function startCrowd(): Crowd {
  return { bytes: 0, most: 256 * mebibyte, fair: 16 * mebibyte };
}

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
  /** The other side is gone: nothing waits for it any more. */
  readonly end: () => void;
}

/** @param most bytes @param crowd of which the other side is one */
export function countUnread(most: number, crowd?: Crowd): Unread {
  let bytes = 0;
  let progress = 0;
  let isOver = false;
  const count = (more: number) => {
    if (isOver) return;
    bytes += more;
    if (crowd !== undefined) crowd.bytes += more;
  };
  return {
    add: (size) => {
      if (bytes === 0) progress = performance.now();
      count(size + bytesPerMessage);
      return () => {
        count(-size - bytesPerMessage);
        progress = performance.now();
      };
    },
    isTooMuch: () => bytes > most || (crowd !== undefined && crowd.bytes > crowd.most && bytes > crowd.fair),
    isNone: () => bytes === 0,
    isStuck: (milliseconds) => bytes > 0 && performance.now() - progress > milliseconds,
    end: () => {
      count(-bytes);
      isOver = true;
    },
  };
}
