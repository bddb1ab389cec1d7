import type { Socket } from 'node:net';
import type { Problem } from '../../../core/errors.ts';
import { localEventCodec } from '../../../core/wire/codec.ts';
import type { ForwardRequest } from '../../../core/wire/messages.ts';
import type { RelayConnection } from '../connection.ts';
import { type ForwardReader, relayEnd, startForwarding } from '../forwarding.ts';
import { greeting, startFrames } from '../frames/frames.ts';
import { within } from '../../../core/waiting/or-aborted.ts';
import { startDiscovering } from './discovering.ts';
import { sendRequest } from './send.ts';
import { startTurns } from './turns.ts';

/** The maximum bytes of a message from the relay. */
const mostBytes = 8 * 1024 * 1024;

export interface RelayEnd extends Pick<RelayConnection, 'name' | 'hasRole'> {
  /** Its name in messages. */
  readonly what: string;
  /** Why it must not be used any more, asked before every request. */
  readonly refuse: () => Problem | undefined;
}

/** A connection over a socket, and whether nothing waits for the relay. */
export interface SocketConnection extends RelayConnection {
  readonly isIdle: () => boolean;
}

/**
 * Uses a relay over a socket, once it greets: only then has it accepted this side.
 * @param timeout milliseconds until then
 * @throws Error, the socket destroyed
 */
export async function relayOverSocket(
  socket: Socket,
  { name, hasRole, what, refuse }: RelayEnd,
  timeout: number,
  signal: AbortSignal,
): Promise<SocketConnection> {
  let reader: ForwardReader | undefined;
  const discovering = startDiscovering(socket, what);
  const greeted = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  const take = (message: Buffer) => {
    const { forward, discovered } = localEventCodec.decode(message);
    if (forward) reader?.event(forward);
    if (discovered) discovering.take(discovered);
  };
  const turns = startTurns(socket, orDestroy(socket, take));
  const frames = startFrames(mostBytes, greeted.resolve, turns.add);
  socket.on('data', (chunk) => {
    orDestroy(socket, frames.take)(chunk);
    turns.start();
  });
  // An error only means that the connection is closed.
  socket.on('error', () => {});
  socket.once('close', () => {
    turns.finish();
    greeted.reject(new Error('closed'));
    reader?.lost('ended the connection');
    discovering.fail();
    lost.resolve();
  });
  socket.write(greeting);
  await within(greeted.promise, timeout, signal).catch((cause) => {
    socket.destroy();
    throw cause;
  });
  const openStream = (opened: ForwardReader) => {
    reader = opened;
    if (socket.destroyed) queueMicrotask(() => opened.lost('ended the connection'));
    return { write: (forward: ForwardRequest) => sendRequest(socket, { forward }), cancel: () => {} };
  };
  const forwarding = startForwarding(openStream, relayEnd(name, refuse));
  return {
    name,
    hasRole,
    discover: async (...question) => {
      const refused = refuse();
      if (refused !== undefined) throw refused;
      await discovering.discover(...question);
    },
    forward: forwarding.forward,
    isIdle: () => forwarding.isIdle() && discovering.isIdle(),
    whenLost: () => lost.promise,
    close: () => {
      forwarding.close();
      socket.destroy();
    },
  };
}

/** What fails was not sent by a relay of this version: as if there were none. */
function orDestroy<T>(socket: Socket, take: (value: T) => void): (value: T) => void {
  return (value) => {
    try {
      take(value);
    } catch {
      socket.destroy();
    }
  };
}
