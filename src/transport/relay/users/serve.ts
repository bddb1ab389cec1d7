import type { Socket } from 'node:net';
import { explain } from '../../../core/errors.ts';
import type { Log, RelayService, RelayUser } from '../../../core/ports.ts';
import { localEventCodec, localRequestCodec } from '../../../core/wire/codec.ts';
import type { LocalEvent } from '../../../core/wire/messages.ts';
import { startForwarder } from '../forwarder.ts';
import { frame, greeting, startFrames } from '../frames.ts';
import { countUnread } from '../unread.ts';
import { startDiscoverer } from './discoverer.ts';

/** Bytes of a message, and concurrent discoveries of one connection. */
export const mostBytes = 1024 * 1024;
export const mostDiscoveries = 64;

export interface UserLimits {
  /** Bytes of a message. */
  readonly message: number;
  /** Bytes that wait for the other side; beyond, the connection is ended. */
  readonly unread: number;
  /** Concurrent discoveries of one connection. */
  readonly discoveries: number;
  /** Milliseconds for the greeting, and without a byte of a message that has begun. */
  readonly stall: number;
  /** How many times as long a connection may be idle. */
  readonly quiet: number;
}

export interface UserParts {
  readonly relay: RelayService;
  /** The identity of the other end, checked for every message: a certificate may be revoked while its connection lives. */
  readonly user: () => RelayUser;
  readonly log: Log;
}

/**
 * Serves one user of a relay until the connection ends. A violation of the protocol ends it.
 * @param onStuck called before it is ended because the other side reads nothing; without it, such a user is only
 * limited by what waits
 */
export function serveUser(socket: Socket, { relay, user, log }: UserParts, limits: UserLimits, onStuck?: () => void) {
  const unread = countUnread(limits.unread);
  const write = (message: Uint8Array) => {
    if (!socket.writable) return;
    const bytes = frame(message);
    socket.write(bytes, unread.add(bytes.length));
    if (unread.isTooMuch()) socket.destroy();
  };
  const send = (event: LocalEvent) => write(localEventCodec.encode(event));
  const forwarder = startForwarder({ relay, user, log, send: (forward) => send({ forward }) });
  const discoverer = startDiscoverer(
    { relay, user, log, send: (discovered) => send({ discovered }) },
    limits.discoveries,
  );
  const frames = startFrames(
    limits.message,
    () => {},
    (message) => {
      // An empty one asks whether this side is there: whatever waits for the other side answers that.
      if (message.length === 0) return unread.isNone() ? write(message) : undefined;
      const { forward, discover } = localRequestCodec.decode(message);
      if (forward) forwarder.take(forward);
      if (discover) discoverer.take(discover);
    },
  );
  let quiet = 0;
  const cut = () => {
    onStuck?.();
    socket.destroy();
  };
  socket.on('data', (chunk) => {
    quiet = 0;
    if (onStuck !== undefined && unread.isStuck(limits.stall)) return cut();
    try {
      frames.take(chunk);
    } catch (error) {
      log.debug({ reason: explain(error) }, 'the connection of a relay’s user is ended');
      socket.destroy();
    }
  });
  socket.setTimeout(limits.stall);
  socket.on('timeout', () => {
    const isBusy = forwarder.running() + discoverer.running() > 0;
    if (onStuck !== undefined && !unread.isNone()) return cut();
    quiet = isBusy ? 0 : quiet + 1;
    if (frames.isWaiting() || quiet >= limits.quiet) socket.destroy();
    else socket.setTimeout(limits.stall);
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    forwarder.end();
    discoverer.end();
  });
  socket.write(greeting);
}
