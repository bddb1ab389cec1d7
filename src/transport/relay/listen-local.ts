import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { explain, Problem } from '../../core/errors.ts';
import type { Log, RelayService } from '../../core/ports.ts';
import { relayHandlers } from './handlers.ts';
import { relayService } from './rpc.ts';

/**
 * Serves a relay over a unix socket: who may open it may use the relay (mode 0660, so its owner and its group).
 * @returns a function that ends it
 * @throws Problem `cannot-listen`: another daemon serves there, or it cannot be made
 */
export async function listenLocally(socket: string, relay: RelayService, log: Log): Promise<() => void> {
  const server = new Server({ 'grpc.max_receive_message_length': 1024 * 1024, 'grpc.max_concurrent_streams': 64 });
  server.addService(
    relayService,
    relayHandlers(relay, () => 'local', log),
  );
  try {
    await mkdir(dirname(socket), { recursive: true, mode: 0o755 });
    if (await answers(socket)) throw new Error('another daemon serves there');
    // What a daemon left that was killed.
    await rm(socket, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    await chmod(socket, 0o660);
  } catch (cause) {
    server.forceShutdown();
    const message = `the relay cannot listen at ${socket}: ${explain(cause)}`;
    throw new Problem('cannot-listen', message, 'change “relay.socket” in node.yaml', { cause });
  }
  return () => server.forceShutdown();
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
