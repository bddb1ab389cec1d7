import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { defineChangeMutex } from '../../../../../src/agents/haproxy/runtime/mutex.ts';
import { defineRuntime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { fails } from '../../../../support/agents/haproxy-agent.ts';

const never = new AbortController().signal;
let server: Server | undefined;
afterEach(() => server?.close());

/** A stand-in for a HAProxy that misbehaves: what a real one does only when it is stuck. */
async function misbehaving(act: (socket: Socket) => void): Promise<string> {
  const path = join(temporaryDirectory(), 'admin.sock');
  server = createServer((socket) => {
    socket.on('error', () => {});
    act(socket);
  });
  await once(server.listen(path), 'listening');
  return path;
}

describe('a command to HAProxy ends', () => {
  test('when nothing answers it in time', async () => {
    const path = await misbehaving((socket) => socket.resume());
    await assert.rejects(defineRuntime(path, 0.05).ask('show info', never), fails('haproxy-timeout', /within 0.05 s/));
  });

  test('when an answer never ends', async () => {
    const path = await misbehaving((socket) => {
      const timer = setInterval(() => socket.write('Name: HAProxy\n'), 5);
      socket.on('close', () => clearInterval(timer));
    });
    await assert.rejects(defineRuntime(path, 0.05).ask('show info', never), fails('haproxy-timeout'));
  });

  test('when an answer is too long', async () => {
    const path = await misbehaving((socket) => socket.write('x'.repeat(9 * 1024 * 1024)));
    await assert.rejects(defineRuntime(path, 30).ask('show info', never), fails('haproxy-answer', /more than/));
  });

  test('when the connection is closed without an answer', async () => {
    const path = await misbehaving((socket) => socket.end());
    await assert.rejects(defineRuntime(path, 30).ask('show info', never), fails('haproxy-answer', /closed/));
  });

  test('and is sent again if it only reads and a reload dropped the connection, but not if it changes', async () => {
    let connections = 0;
    const path = await misbehaving((socket) => {
      connections++;
      if (connections === 1) socket.destroy();
      else if (connections === 2) socket.once('data', () => socket.end());
      else socket.end('Name: HAProxy\n');
    });
    const { ask } = defineRuntime(path, 30);
    assert.equal(await ask('show info', never), 'Name: HAProxy');
    assert.equal(connections, 3);
    connections = 1;
    await assert.rejects(ask('set server app/web1 state maint', never), fails('haproxy-answer', /closed/));
    assert.equal(connections, 2);
  });

  test('when the call is cancelled, before or after it was sent', async () => {
    const path = await misbehaving((socket) => socket.on('data', () => calling.abort()));
    const calling = new AbortController();
    await assert.rejects(defineRuntime(path, 30).ask('show info', calling.signal), fails('cancelled'));
    await assert.rejects(defineRuntime(path, 30).ask('show info', calling.signal), fails('cancelled'));
  });
});

describe('a call that waits for its turn', () => {
  test('ends at once when it is cancelled, does nothing, and the next one gets its turn', async () => {
    const inTurn = defineChangeMutex();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const first = inTurn(() => gate, never);
    const calling = new AbortController();
    const begun: string[] = [];
    const second = inTurn(async () => begun.push('second'), calling.signal);
    const third = inTurn(async () => begun.push('third'), never);
    calling.abort();
    await assert.rejects(second, fails('cancelled'));
    await assert.rejects(
      inTurn(async () => begun.push('late'), calling.signal),
      fails('cancelled'),
    );
    open();
    await Promise.all([first, third]);
    assert.deepEqual(begun, ['third']);
  });
});
