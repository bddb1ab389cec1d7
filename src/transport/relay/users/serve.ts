import type { Socket } from 'node:net';
import { explain } from '../../../core/errors.ts';
import { localRequestCodec } from '../../../core/wire/codec.ts';
import { startForwarder } from '../service/forwarder.ts';
import { greeting, startFrames } from '../frames/frames.ts';
import type { Crowd } from '../service/unread.ts';
import { onSilence } from '../frames/watch-silence.ts';
import { startDiscoverer } from './discoverer.ts';
import type { UserParts } from './parts.ts';
import { startTurns } from './turns.ts';
import { startWriter } from './writer.ts';

/** Bytes of a message, and concurrent discoveries of one connection. */
export const mostBytes = 1024 * 1024;
export const mostDiscoveries = 64;

export interface UserLimits {
  /** Bytes of a message. */
  readonly message: number;
  /** Bytes that wait for the other side; beyond, the connection is ended. */
  readonly unread: number;
  /** All users of the relay: when too much waits for them together, those with the most are ended. */
  readonly crowd?: Crowd;
  /** Concurrent discoveries of one connection. */
  readonly discoveries: number;
  /** Milliseconds for the greeting, without a byte of a message that has begun, and for the other side to read. */
  readonly stall: number;
  /** How many times as long a connection may be idle. */
  readonly quiet: number;
}

/**
 * Serves one user of a relay until the connection ends. A violation of the protocol ends it.
 * @param onCut called when a limit or a violation ends it, with what the user does, as in “does not read its replies”
 */
export function serveUser(
  socket: Socket,
  { relay, user, log }: UserParts,
  limits: UserLimits,
  onCut: (doing: string) => void,
): void {
  const cut = (doing: string) => {
    if (!socket.destroyed) onCut(doing);
    socket.destroy();
  };
  const writer = startWriter(socket, limits.unread, () => cut(unread), limits.crowd);
  const forwarder = startForwarder({ relay, user, log, send: (forward) => writer.send({ forward }) });
  const discoverer = startDiscoverer(
    { relay, user, log, send: (discovered) => writer.sendLater({ discovered }) },
    limits.discoveries,
  );
  let usedAt = performance.now();
  const isIdle = () => {
    if (forwarder.running() + discoverer.running() > 0) usedAt = performance.now();
    return performance.now() - usedAt >= limits.stall * limits.quiet;
  };
  const take = (message: Buffer) => {
    // An empty one asks whether this side is there.
    if (message.length === 0) return writer.answer();
    usedAt = performance.now();
    const { forward, discover } = localRequestCodec.decode(message);
    if (forward) forwarder.take(forward);
    if (discover) discoverer.take(discover);
  };
  const orCut = <T>(act: (value: T) => void) => {
    return (value: T) => {
      try {
        act(value);
      } catch (error) {
        cut(`sends what is not a message (${explain(error)})`);
      }
    };
  };
  const turns = startTurns(socket, orCut(take));
  const frames = startFrames(limits.message, () => {}, turns.add);
  const read = orCut(frames.take);
  socket.on('data', (chunk) => {
    if (writer.isStuck(limits.stall)) return cut(unread);
    read(chunk);
    turns.start();
    if (isIdle()) socket.destroy();
  });
  onSilence(socket, limits.stall, () => {
    if (!writer.isIdle()) return cut(unread);
    if (frames.isWaiting()) return cut('does not finish a message');
    if (isIdle()) socket.destroy();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    turns.drop();
    forwarder.end();
    discoverer.end();
  });
  socket.write(greeting);
}

const unread = 'does not read its replies';
