import type { Socket } from 'node:net';
import { localEventCodec } from '../../../core/wire/codec.ts';
import type { LocalEvent } from '../../../core/wire/messages.ts';
import { frame } from '../frames/frames.ts';
import { type Crowd, countUnread } from '../service/unread.ts';

/** Messages to one user of a relay. */
export interface Writer {
  readonly send: (event: LocalEvent) => void;
  /**
   * For many messages at once, as a list of nodes: each is written when the user has read those before, so that a
   * long list does not end the connection.
   */
  readonly sendLater: (event: LocalEvent) => void;
  /** Shows that this side is there; whatever waits for the user shows that too. */
  readonly answer: () => void;
  /** Whether nothing waits for the user. */
  readonly isIdle: () => boolean;
  /** Whether the user has read nothing for so many milliseconds, although something waits. */
  readonly isStuck: (milliseconds: number) => boolean;
}

/** The maximum number of messages that wait until the user has read others. They are not encoded yet. */
const mostLater = 65_536;

/**
 * @param most bytes that may wait for the user
 * @param onTooMuch called when more waits
 * @param crowd all users of the relay
 */
export function startWriter(socket: Socket, most: number, onTooMuch: () => void, crowd?: Crowd): Writer {
  const unread = countUnread(most, crowd);
  socket.once('close', unread.end);
  let later: LocalEvent[] = [];
  let next = 0;
  const write = (message: Uint8Array) => {
    if (!socket.writable) return;
    const bytes = frame(message);
    socket.write(bytes, unread.add(bytes.length));
    if (unread.isTooMuch()) onTooMuch();
  };
  const send = (event: LocalEvent) => write(localEventCodec.encode(event));
  const flush = () => {
    while (next < later.length && !socket.writableNeedDrain) {
      const event = later[next++];
      if (event !== undefined) send(event);
    }
    if (next < later.length) return;
    later = [];
    next = 0;
  };
  socket.on('drain', flush);
  return {
    send,
    sendLater: (event) => {
      if (!socket.writable) return;
      if (later.length === 0 && !socket.writableNeedDrain) return send(event);
      later.push(event);
      if (later.length - next > mostLater) onTooMuch();
    },
    answer: () => {
      if (unread.isNone()) write(Buffer.alloc(0));
    },
    isIdle: unread.isNone,
    isStuck: unread.isStuck,
  };
}
