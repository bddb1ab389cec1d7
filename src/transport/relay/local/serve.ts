import type { Socket } from 'node:net';
import { explain, Problem } from '../../../core/errors.ts';
import type { Log, RelayService } from '../../../core/ports.ts';
import { localEventCodec, localRequestCodec } from '../../../core/wire/codec.ts';
import type { LocalDiscover, LocalDiscovered, LocalEvent } from '../../../core/wire/messages.ts';
import { abandoned, startForwarder, reasonWithheld } from '../forwarder.ts';
import { countUnread } from '../unread.ts';
import { frame, greeting, startFrames } from '../frames.ts';

export interface LocalLimits {
  /** Concurrent connections, of all users of this host. */
  readonly connections: number;
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

/** Serves one connection to the relay's socket until it ends. A violation of the protocol ends it. */
export function serveLocal(socket: Socket, relay: RelayService, log: Log, limits: LocalLimits): void {
  const unread = countUnread(limits.unread);
  const send = (event: LocalEvent) => {
    if (socket.destroyed) return;
    const bytes = frame(localEventCodec.encode(event));
    socket.write(bytes, unread.add(bytes.length));
    if (unread.isTooMuch()) socket.destroy();
  };
  const user = () => 'local' as const;
  const forwarder = startForwarder({ relay, user, log, send: (forward) => send({ forward }) });
  const discoverer = startDiscoverer(relay, limits.discoveries, log, (discovered) => send({ discovered }));
  const frames = startFrames(
    limits.message,
    () => {},
    (message) => {
      const { forward, discover } = localRequestCodec.decode(message);
      if (forward) forwarder.take(forward);
      if (discover) discoverer.take(discover);
    },
  );
  let quiet = 0;
  socket.on('data', (chunk) => {
    quiet = 0;
    try {
      frames.take(chunk);
    } catch (error) {
      log.debug({ reason: explain(error) }, 'a connection to the relay’s socket is ended');
      socket.destroy();
    }
  });
  socket.setTimeout(limits.stall);
  socket.on('timeout', () => {
    const isBusy = forwarder.running() + discoverer.running() > 0;
    if (isBusy) quiet = 0;
    else quiet++;
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

/** The discoveries of one connection. */
function startDiscoverer(relay: RelayService, most: number, log: Log, send: (event: LocalDiscovered) => void) {
  const running = new Map<number, AbortController>();
  const discover = async ({ id, request }: LocalDiscover): Promise<void> => {
    if (running.has(id)) return;
    const control = new AbortController();
    running.set(id, control);
    try {
      if (running.size > most) throw new Problem('busy', `${most} discoveries run over this connection already`);
      if (!request) throw new Problem('malformed-message', 'the request is missing');
      await relay.admit('local', 'discover');
      control.signal.throwIfAborted();
      await relay.discover(request, 'local', (node) => send({ id, node }), control.signal);
      send({ id, end: { code: '', message: '' } });
    } catch (error) {
      if (!(error instanceof Problem) && !control.signal.aborted) log.error({ err: error }, 'a discovery failed');
      send({ id, end: reasonWithheld(error) });
    } finally {
      if (running.get(id) === control) running.delete(id);
    }
  };
  return {
    take: (message: LocalDiscover) => {
      if (message.drop) running.get(message.id)?.abort(abandoned());
      else void discover(message);
    },
    running: () => running.size,
    end: () => {
      for (const one of running.values()) one.abort(abandoned());
      running.clear();
    },
  };
}
