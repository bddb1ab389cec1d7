import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { keepHandshakes } from '../../../../src/transport/connections/keep-handshakes.ts';

test('a closed channel ends its handshakes, and neither connects nor begins a handshake when gRPC tries it once more', async () => {
  const done: string[] = [];
  const ending = Promise.withResolvers<never>();
  const credentials = {
    _createSecureConnector: () => ({
      waitForReady: async () => void done.push('ready'),
      connect: () => {
        done.push('connect');
        return ending.promise;
      },
    }),
  } as unknown as ChannelCredentials;
  const close = keepHandshakes(credentials);
  const connector = credentials._createSecureConnector(undefined as never, {});
  await connector.waitForReady();
  const socket = new Socket();
  const connecting = connector.connect(socket);
  close();
  assert.ok(socket.destroyed);
  ending.reject(new Error('destroyed'));
  await assert.rejects(connecting, { message: 'destroyed' });
  const givenUp = { message: 'the dial was given up' };
  await assert.rejects(connector.waitForReady(), givenUp);
  await assert.rejects(connector.connect(new Socket()), givenUp);
  assert.deepEqual(done, ['ready', 'connect']);
});
