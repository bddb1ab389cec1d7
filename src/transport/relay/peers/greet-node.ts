import type { Socket } from 'node:net';
import { signedKeyCodec } from '../../../core/wire/codec.ts';
import type { SignedKey } from '../../../core/wire/messages.ts';
import { greeting, startFrames } from '../frames/frames.ts';

/**
 * Greets a node, which sends its key first: only then has it accepted this side's certificate (RFC 8446, 2). What no node of
 * this version sends ends the connection.
 * @param most the maximum bytes of a message
 * @param onMessage called with each message after the key
 * @throws Error if the connection ends before the key has come
 */
export function greetNode(
  socket: Socket,
  most: number,
  onMessage: (message: Buffer) => void = () => {},
): Promise<SignedKey> {
  const { promise, resolve, reject } = Promise.withResolvers<SignedKey>();
  let take = (message: Buffer) => {
    resolve(signedKeyCodec.decode(message));
    take = onMessage;
  };
  const frames = startFrames(
    most,
    () => {},
    (message) => take(message),
  );
  socket.on('data', (chunk) => {
    try {
      frames.take(chunk);
    } catch {
      socket.destroy();
    }
  });
  socket.once('close', () => reject(new Error('closed')));
  socket.write(greeting);
  return promise;
}
