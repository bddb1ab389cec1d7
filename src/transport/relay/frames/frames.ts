import { Problem } from '../../../core/errors.ts';

/**
 * The first bytes of each side of the socket: another protocol, or another version of this one, is detected at once.
 */
export const greeting = Buffer.from('mco-relay/1\n');

/** A message in its encoding: its length in bytes (32 bits, big-endian), then the message. */
export function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + message.length);
  bytes.writeUInt32BE(message.length);
  bytes.set(message, 4);
  return bytes;
}

/** Cuts received bytes into messages. */
export interface Frames {
  /** @throws Problem `protocol-error` for another greeting, `too-large` for a message over the limit */
  readonly take: (chunk: Buffer) => void;
  /** Whether the greeting, or a message that has begun, is not complete. */
  readonly isWaiting: () => boolean;
}

/**
 * @param most the maximum bytes of a message: at most this many are stored, however slowly it comes
 * @param onGreeting called when the other side has greeted
 */
export function startFrames(most: number, onGreeting: () => void, onMessage: (message: Buffer) => void): Frames {
  let part: 'greeting' | 'length' | 'message' = 'greeting';
  let piece: Buffer = Buffer.alloc(greeting.length);
  let filled = 0;
  const expect = (next: typeof part, length: number) => {
    part = next;
    piece = Buffer.allocUnsafe(length);
    filled = 0;
  };
  const takePiece = () => {
    const whole = piece;
    if (part === 'length') {
      const length = whole.readUInt32BE();
      if (length > most) throw new Problem('too-large', `a message of ${length} bytes is over the limit of ${most}`);
      return expect('message', length);
    }
    const before = part;
    expect('length', 4);
    if (before === 'message') return onMessage(whole);
    if (!whole.equals(greeting)) throw new Problem('protocol-error', 'the other side speaks another protocol');
    onGreeting();
  };
  return {
    take: (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        const copied = chunk.copy(piece, filled, at);
        at += copied;
        filled += copied;
        while (filled === piece.length) takePiece();
      }
    },
    isWaiting: () => part !== 'length' || filled > 0,
  };
}
