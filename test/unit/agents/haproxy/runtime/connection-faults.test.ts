import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { defineRuntime } from '../../../../../src/agents/haproxy/runtime/runtime.ts';
import { mockDelays, type MockedDelays, someTurns } from '../../../../support/mock-delays.ts';

const { signal } = new AbortController();
const net = createRequire(import.meta.url)('node:net') as typeof import('node:net');

/** How each connection ends, in turn, the last one from then on: with the code of an error, or an answer. */
let endings: readonly string[];
let connections: number;
let clock: MockedDelays;

beforeEach(() => {
  connections = 0;
  clock = mockDelays();
  mock.method(net, 'connect', () => {
    const ending = endings[Math.min(connections++, endings.length - 1)] ?? '';
    const socket = Object.assign(new EventEmitter(), { write: () => true, destroy: () => {} });
    setImmediate(() => {
      if (/^E[A-Z]+$/.test(ending)) socket.emit('error', Object.assign(new Error(ending), { code: ending }));
      else {
        socket.emit('data', Buffer.from(ending));
        socket.emit('end');
      }
    });
    return socket;
  });
  syncBuiltinESMExports();
});
afterEach(() => {
  mock.restoreAll();
  clock[Symbol.dispose]();
});

/** What a command ends with after enough time, and how many connections it made. */
async function ask(command: string, ...given: string[]) {
  endings = given;
  connections = 0;
  const asking = defineRuntime('/run/haproxy.sock', 30)
    .ask(command, signal)
    .catch((problem: { code: string }) => problem.code);
  for (let times = 0; times < 25; times++) {
    await someTurns();
    await clock.pass(10);
  }
  return [await asking, connections];
}

describe('a connection to HAProxy that fails', () => {
  test('is made again, for whatever command, as long as HAProxy has no place for it', async () => {
    const busy = Array(6).fill('EAGAIN');
    for (const command of ['show info', 'set server app/web1 state maint']) {
      assert.deepEqual(await ask(command, ...busy, 'done\n\n'), ['done', 7], command);
    }
  });

  test('is made again 10 ms later, and no earlier', async () => {
    endings = ['EAGAIN', 'done\n\n'];
    const asking = defineRuntime('/run/haproxy.sock', 30).ask('show info', signal);
    await someTurns();
    await clock.pass(9);
    assert.equal(connections, 1);
    await clock.pass(1);
    assert.deepEqual([await asking, connections], ['done', 2]);
  });

  // HAProxy ends every answer by an empty line.
  for (const drop of ['ECONNRESET', 'EPIPE', '', 'Name: HAProxy\nPid: 1', 'Name: HAProxy\n']) {
    test(`is made twice again for a read if it is dropped by ${JSON.stringify(drop)}, and not for a change`, async () => {
      const problem = drop.startsWith('E') ? 'haproxy-unreachable' : 'haproxy-answer';
      for (const read of drop.startsWith('N') ? ['show info'] : ['show info', 'help']) {
        assert.deepEqual(await ask(read, drop, drop, 'done\n\n'), ['done', 3], read);
        assert.deepEqual(await ask(read, drop), [problem, 3], read);
      }
      // Any text is the answer to a change: an error, however much of it.
      const [ended, times] = [drop.startsWith('N') ? drop.trim() : problem, 1];
      assert.deepEqual(await ask('set server app/web1 state maint', drop, 'done\n\n'), [ended, times]);
      assert.deepEqual(await ask('showing', drop, 'done\n\n'), [ended, times], 'that only begins like a read');
    });
  }

  test('is made again for 0.2 s, for whatever command, while nothing listens yet', async () => {
    const refused = Array(20).fill('ECONNREFUSED');
    for (const command of ['show info', 'set server app/web1 state maint']) {
      assert.deepEqual(await ask(command, ...refused, 'done\n\n'), ['done', 21], command);
      assert.deepEqual(
        await ask(command, ...refused, 'ECONNREFUSED', 'done\n\n'),
        ['haproxy-unreachable', 21],
        command,
      );
    }
  });

  test('is not made again for another reason', async () => {
    for (const code of ['ENOENT', 'EACCES']) {
      assert.deepEqual(await ask('show info', code, 'done\n\n'), ['haproxy-unreachable', 1], code);
    }
  });
});
