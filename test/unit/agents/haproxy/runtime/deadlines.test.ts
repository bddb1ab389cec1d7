import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { defineChangeMutex } from '../../../../../src/agents/haproxy/runtime/mutex.ts';
import { defineRuntime, firstLine } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { fails } from '../../../../support/agents/haproxy/haproxy-agent.ts';
import { mockDelays } from '../../../../support/mock-delays.ts';

const never = new AbortController().signal;
let server: Server | undefined;
afterEach(() => server?.close());

/** A stand-in for a HAProxy that misbehaves: what a real one does only when it is stuck. */
async function misbehaving(act: (socket: Socket) => void, at?: { host: string }): Promise<string> {
  const path = join(temporaryDirectory(), 'admin.sock');
  server = createServer((socket) => {
    socket.on('error', () => {});
    act(socket);
  });
  await once(at === undefined ? server.listen(path) : server.listen(0, at.host), 'listening');
  if (at === undefined) return path;
  const { port, family } = server.address() as AddressInfo;
  return family === 'IPv6' ? `[${at.host}]:${port}` : `${at.host}:${port}`;
}

describe('a command to HAProxy', () => {
  test('ends if no reply arrives in time', async () => {
    const path = await misbehaving((socket) => socket.resume());
    await assert.rejects(defineRuntime(path, 0.05).ask('show info', never), fails('haproxy-timeout', /within 0.05 s/));
  });

  test('is answered although this program was stopped for longer than the time that a reply may take', async () => {
    using delays = mockDelays();
    const asked = Promise.withResolvers<Socket>();
    const path = await misbehaving((socket) => socket.once('data', () => asked.resolve(socket)));
    const answer = defineRuntime(path, 3).ask('show info', never);
    const socket = await asked.promise;
    await delays.stop(60_000);
    socket.end('Name: HAProxy\n\n');
    assert.equal(await answer, 'Name: HAProxy');
  });

  test('ends if a reply never ends', async () => {
    const path = await misbehaving((socket) => {
      const timer = setInterval(() => socket.write('Name: HAProxy\n'), 5);
      socket.on('close', () => clearInterval(timer));
    });
    await assert.rejects(defineRuntime(path, 0.05).ask('show info', never), fails('haproxy-timeout'));
  });

  test('ends if a reply is too long', async () => {
    const most = 8 * 1024 * 1024;
    const closed = Promise.withResolvers<void>();
    let length = most;
    const path = await misbehaving((socket) => {
      socket.write(`${'x'.repeat(length - 2)}\n\n`);
      if (length === most) socket.end();
      else socket.resume().on('close', () => closed.resolve());
    });
    const { ask } = defineRuntime(path, 30);
    assert.equal((await ask('show info', never)).length, most - 2);
    length++;
    await assert.rejects(ask('show info', never), fails('haproxy-answer', /more than 8388608 bytes/));
    await closed.promise;
  });

  test('ends at once if nothing listens, and the message names what to check', async () => {
    const path = join(temporaryDirectory(), 'nobody.sock');
    await assert.rejects(defineRuntime(path, 30).ask('show info', never), {
      code: 'haproxy-unreachable',
      hint: 'check that HAProxy runs and has this “stats socket”',
    });
  });

  test('leaves no timer and no listener behind', async () => {
    const path = await misbehaving((socket) => socket.end('ok\n\n'));
    const { signal } = new AbortController();
    await defineRuntime(path, 3000).ask('show info', signal);
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
    assert.ok(!process.getActiveResourcesInfo().includes('Timeout'));
  });

  test('ends if the connection is closed without a reply', async () => {
    const path = await misbehaving((socket) => socket.end());
    await assert.rejects(defineRuntime(path, 30).ask('show info', never), fails('haproxy-answer', /closed/));
  });

  // A machine may have no IPv6, but knows this form of an IPv4 address.
  for (const host of ['127.0.0.1', '::ffff:127.0.0.1']) {
    test(`ends with a reply from ${host} and its port, and is sent once`, async () => {
      let connections = 0;
      const answering = (socket: Socket) => {
        connections++;
        socket.end('ok\n\n');
      };
      const runtime = defineRuntime(await misbehaving(answering, { host }), 30);
      assert.deepEqual([await runtime.ask('show info', never), connections], ['ok', 1]);
    });
  }

  test('ends before anything is sent if a name would begin another command', async () => {
    let connections = 0;
    const path = await misbehaving((socket) => {
      connections++;
      socket.end('ok\n\n');
    });
    for (const name of ['a;b', 'a\nb', 'a\\b', 'a"b', 'a<b', 'a; set server app/web1 state ready'])
      await assert.rejects(defineRuntime(path, 30).ask(`show stat ${name}`, never), fails('bad-name'));
    assert.equal(connections, 0);
  });

  test('ends when the call is cancelled, before or after it was sent', async () => {
    const path = await misbehaving((socket) => socket.on('data', () => calling.abort()));
    const calling = new AbortController();
    await assert.rejects(defineRuntime(path, 30).ask('show info', calling.signal), fails('cancelled'));
    await assert.rejects(defineRuntime(path, 30).ask('show info', calling.signal), fails('cancelled'));
  });
});

describe('a command to HAProxy on a connection that drops', () => {
  test('is sent again if it only reads and a reload dropped the connection, but not if it changes', async () => {
    let connections = 0;
    const path = await misbehaving((socket) => {
      connections++;
      if (connections === 1) socket.destroy();
      else if (connections === 2) socket.once('data', () => socket.end());
      else socket.end('Name: HAProxy\n\n');
    });
    const { ask } = defineRuntime(path, 30);
    assert.equal(await ask('show info', never), 'Name: HAProxy');
    assert.equal(connections, 3);
    connections = 1;
    await assert.rejects(ask('set server app/web1 state maint', never), fails('haproxy-answer', /closed/));
    assert.equal(connections, 2);
  });

  for (const [what, drop, code] of [
    ['closed', (socket: Socket) => socket.once('data', () => socket.end()), 'haproxy-answer'],
    ['reset', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy()), 'haproxy-unreachable'],
  ] as const) {
    test(`ends after two more tries if each connection is ${what}, and at once for a change`, async () => {
      let connections = 0;
      const where = await misbehaving(
        (socket) => {
          connections++;
          drop(socket);
        },
        { host: '127.0.0.1' },
      );
      const { ask } = defineRuntime(where, 30);
      for (const [command, tries] of [
        ['show info', 3],
        ['help', 3],
        ['set server app/web1 state maint', 1],
        ['showing', 1],
      ] as const) {
        connections = 0;
        await assert.rejects(ask(command, never), fails(code));
        assert.equal(connections, tries, command);
      }
    });
  }
});

test('the first line of a reply appears in messages, up to 200 characters', () => {
  assert.deepEqual([firstLine('a\nb\nc'), firstLine(''), firstLine('x'.repeat(300)).length], ['a', '', 200]);
});

describe('a call that waits for its turn', () => {
  test('is not cut short once it has its turn, and leaves no listener', async () => {
    const calling = new AbortController();
    const ended = defineChangeMutex()(async () => {
      calling.abort();
      await new Promise((resolve) => setImmediate(resolve));
      return 'done';
    }, calling.signal);
    assert.equal(await ended, 'done');
    assert.deepEqual(getEventListeners(calling.signal, 'abort'), []);
  });

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
