import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { explain, Problem } from '../../../core/errors.ts';
import type { Log, RelayService } from '../../../core/ports.ts';
import { mostUnread } from '../handlers.ts';
import { type LocalLimits, serveLocal } from './serve.ts';

export const localLimits: LocalLimits = {
  connections: 256,
  message: 1024 * 1024,
  unread: mostUnread,
  discoveries: 64,
  stall: 30_000,
  // Ten minutes.
  quiet: 20,
};

/**
 * Serves a relay over a unix socket: anyone who may open the socket may use the relay (mode 0660, so its owner and its
 * group).
 * @returns a function that ends it
 * @throws Problem `cannot-listen`: another daemon serves there, or it cannot be created
 */
export async function listenLocally(
  socket: string,
  relay: RelayService,
  log: Log,
  limits = localLimits,
): Promise<() => void> {
  const open = new Set<Socket>();
  const server = createServer((connection) => {
    open.add(connection);
    connection.once('close', () => open.delete(connection));
    serveLocal(connection, relay, log, limits);
  });
  server.maxConnections = limits.connections;
  const stop = () => {
    server.close();
    for (const connection of open) connection.destroy();
  };
  try {
    await mkdir(dirname(socket), { recursive: true, mode: 0o755 });
    if (await answers(socket)) throw new Error('another daemon serves there');
    // The leftover of a killed daemon.
    await rm(socket, { force: true });
    await listen(server, socket);
    await chmod(socket, 0o660);
  } catch (cause) {
    stop();
    const message = `the relay cannot listen at ${socket}: ${explain(cause)}`;
    throw new Problem('cannot-listen', message, 'change “relay.socket” in node.yaml', { cause });
  }
  server.on('error', (error) => log.warn({ reason: explain(error) }, 'the relay’s socket has a fault'));
  return stop;
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const settle = (found: boolean) => {
      connection.destroy();
      resolve(found);
    };
    connection.once('connect', () => settle(true));
    connection.once('error', () => settle(false));
  });
}
