import assert from 'node:assert/strict';
import { once } from 'node:events';
import promises, { chown, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { localEventCodec, localRequestCodec } from '../../../src/core/wire/codec.ts';
import type { DiscoverEvent, SealedEvent } from '../../../src/core/wire/messages.ts';
import { frame, greeting } from '../../../src/transport/relay/frames/frames.ts';
import { listenLocally } from '../../../src/transport/relay/local/listen.ts';
import { openLocalRelay } from '../../../src/transport/relay/local/open.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';
import { connectRaw, echoing, sealed, startLocalRelay } from '../../support/relay/local-relay.ts';
import { rejection } from '../../support/thrown.ts';
import { until, within } from '../../support/until.ts';

const { signal } = new AbortController();
const open = (socket: string, timeout = 20_000) => openLocalRelay(socket, timeout, signal);
const ignore = () => {};

describe('a relay’s socket', () => {
  test('passes many requests on at once, each with its own replies, and discovers', async () => {
    await using relay = await startLocalRelay(echoing);
    const connection = await open(relay.socket);
    const texts = Array.from({ length: 300 }, (_, index) => `request ${index}`);
    const replies = await Promise.all(
      texts.map(async (text) => {
        const events: SealedEvent[] = [];
        await connection.forward('echo', sealed(text), (event) => events.push(event), signal);
        return events.map(({ ciphertext }) => ciphertext.toString()).join();
      }),
    );
    assert.deepEqual(replies, texts);
    const found: string[] = [];
    await connection.discover({ timeout: 0, names: ['dev1', 'dev2'] }, ({ node }) => found.push(node), signal);
    assert.deepEqual(found, ['dev1', 'dev2']);
    connection.close();
  });

  test('reports requests that the relay withholds as silence, and why it does not discover', async () => {
    await using relay = await startLocalRelay(echoing);
    const connection = await open(relay.socket);
    const silence = await rejection(connection.forward('nobody', sealed(''), ignore, signal));
    assert.equal(silence.code, 'no-response');
    assert.match(silence.message, /unknown-target, it is not known/);
    const refusal = await rejection(connection.discover({ timeout: 0, names: ['nobody'] }, ignore, signal));
    assert.deepEqual([refusal.code, refusal.message], ['policy-denied', 'not for you']);
    connection.close();
  });

  test('cancels at the relay what the caller cancels', async () => {
    const given: string[] = [];
    const noted = {
      ...echoing,
      forward: async (...[target, , , , until]: Parameters<typeof echoing.forward>) => {
        await once(until, 'abort');
        given.push(target);
      },
    };
    await using relay = await startLocalRelay(noted);
    const connection = await open(relay.socket);
    const control = new AbortController();
    const waiting = rejection(connection.forward('one', sealed(''), ignore, control.signal));
    await connection.discover({ timeout: 0, names: [] }, ignore, signal);
    control.abort();
    assert.equal((await waiting).code, 'cancelled');
    await until('the relay has given up one request', () => given.length === 1);
    void connection.forward('two', sealed(''), ignore, signal).catch(ignore);
    await within('an answer', connection.discover({ timeout: 0, names: [] }, ignore, signal));
    connection.close();
    await until('the relay has given up the other one, too', () => given.length === 2);
    assert.deepEqual(given, ['one', 'two']);
  });

  test('does not pass on a request that was cancelled before its turn', async () => {
    const passed: string[] = [];
    const forward = async (target: string) => void passed.push(target);
    await using relay = await startLocalRelay({ ...echoing, forward });
    const user = connectRaw(relay.socket);
    const request = (id: number, drop: boolean) =>
      frame(localRequestCodec.encode({ forward: { id, target: `${id}`, sealed: sealed(''), drop } }));
    // Both in one write, so that they are read at once.
    user.connection.write(Buffer.concat([request(1, false), request(1, true), request(2, false)]));
    await until('the relay has ended both', () => user.events.length === 2);
    assert.deepEqual(user.events.map(({ forward: event }) => [event?.id, event?.end?.code]).toSorted(), [
      [1, 'cancelled'],
      [2, ''],
    ]);
    assert.deepEqual(passed, ['2']);
    user.connection.destroy();
  });

  test('leaves no request waiting when the relay is lost, or used after that', async () => {
    await using relay = await startLocalRelay(echoing);
    const connection = await open(relay.socket);
    const forwarded = rejection(connection.forward('hold', sealed(''), ignore, signal));
    const discovered = rejection(connection.discover({ timeout: 0, names: ['hold'] }, ignore, signal));
    // Both are there: the answer to a later question has come.
    await connection.discover({ timeout: 0, names: [] }, ignore, signal);
    relay.stop();
    assert.equal((await forwarded).code, 'no-response');
    assert.equal((await discovered).code, 'no-response');
    await within('the loss', connection.whenLost());
    assert.equal((await rejection(connection.forward('echo', sealed(''), ignore, signal))).code, 'no-response');
    const late = rejection(connection.discover({ timeout: 0, names: [] }, ignore, signal));
    assert.equal((await late).code, 'no-response');
  });
});

describe('a relay’s socket ends the connection of a user that', () => {
  const attacks: readonly [string, (connection: Socket) => void][] = [
    ['speaks HTTP/2', (connection) => connection.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['sends a message that cannot be decoded', (connection) => connection.write(framed(Buffer.from([0xff, 0xff])))],
    ['announces a message over the limit', (connection) => connection.write(length(1024 * 1024 + 1))],
    ['announces four gigabytes', (connection) => connection.write(length(0xffffffff))],
  ];
  const framed = (message: Buffer) => Buffer.concat([greeting, frame(message)]);
  const length = (bytes: number) => {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(bytes);
    return Buffer.concat([greeting, header]);
  };
  for (const [what, attack] of attacks)
    test(what, async () => {
      await using relay = await startLocalRelay(echoing);
      const user = connectRaw(relay.socket, false);
      attack(user.connection);
      await within('the end', user.whenClosed);
      // The relay serves the next user.
      (await open(relay.socket)).close();
    });

  test('does not greet, leaves a message unfinished, or is idle for long', async () => {
    await using relay = await startLocalRelay(echoing, { stall: 50, quiet: 2 });
    const silent = connectRaw(relay.socket, false);
    const slow = connectRaw(relay.socket);
    slow.connection.write(Buffer.from([0, 0, 0, 9, 1]));
    const idle = connectRaw(relay.socket);
    for (const { whenClosed } of [silent, slow, idle]) await within('the end', whenClosed);
  });

  test('does not read its replies', async () => {
    await using relay = await startLocalRelay(echoing, { unread: 256 * 1024 });
    const user = connectRaw(relay.socket);
    user.connection.pause();
    const text = 'x'.repeat(64 * 1024);
    for (let id = 1; id <= 32; id++) user.send({ forward: { id, target: 'echo', sealed: sealed(text), drop: false } });
    await until('the relay has closed', async () => {
      user.connection.write(frame(Buffer.alloc(0)));
      return user.connection.destroyed || user.connection.errored !== null;
    });
  });

  test('does not read the refusals of many short requests', async () => {
    await using relay = await startLocalRelay(echoing, { unread: 1024 * 1024 });
    const user = connectRaw(relay.socket);
    user.connection.pause();
    for (let id = 1; id <= 12_000; id++) user.send({ forward: { id, target: '', drop: false } });
    await until('the relay has closed', async () => {
      user.connection.write(frame(Buffer.alloc(0)));
      return user.connection.destroyed || user.connection.errored !== null;
    });
  });
});

describe('a relay’s socket', () => {
  test('keeps a connection while one of its requests waits', async () => {
    await using relay = await startLocalRelay(echoing, { stall: 30, quiet: 1 });
    const user = connectRaw(relay.socket);
    user.send({ forward: { id: 1, target: 'hold', sealed: sealed(''), drop: false } });
    const idle = connectRaw(relay.socket);
    await within('the end of the idle one', idle.whenClosed);
    assert.equal(user.connection.destroyed, false);
    user.send({ forward: { id: 1, target: 'hold', drop: true } });
    await within('the end once nothing waits', user.whenClosed);
  });

  test('refuses discoveries beyond its limit, and keeps a number in use with its first request', async () => {
    await using relay = await startLocalRelay(echoing, { discoveries: 2 });
    const user = connectRaw(relay.socket);
    const ask = (id: number, names: string[]) =>
      user.send({ discover: { id, request: { timeout: 0, names }, drop: false } });
    ask(1, ['hold']);
    ask(1, ['dev1']);
    ask(2, ['hold']);
    ask(3, ['dev1']);
    await until('the third is refused', () => user.events.length > 0);
    const [event] = user.events;
    assert.equal(event?.discovered?.id, 3);
    assert.equal(event?.discovered?.end?.code, 'busy');
    user.connection.destroy();
  });

  test('accepts as many connections as its limit', async () => {
    await using relay = await startLocalRelay(echoing, { connections: 1 });
    const first = await open(relay.socket);
    assert.equal((await rejection(open(relay.socket))).code, 'unreachable');
    first.close();
  });
});

describe('a process that imitates the relay at the socket', () => {
  const answers: readonly [string, string, (connection: Socket) => void][] = [
    ['is not used when it speaks another protocol', 'unreachable', (one) => void one.write(Buffer.alloc(40))],
    ['is not used when it closes at once', 'unreachable', (one) => void one.destroy()],
    ['is not used when it does not greet in time', 'unreachable', ignore],
  ];
  for (const [what, code, behave] of answers)
    test(what, async () => {
      const closed: Promise<unknown>[] = [];
      await using fake = await startFake((connection) => {
        closed.push(once(connection.resume(), 'close'));
        behave(connection);
      });
      assert.equal((await rejection(open(fake.socket, 200))).code, code);
      await within('the end of the connection', Promise.all(closed));
      assert.equal(closed.length, 1);
    });

  test('is read to its end before it counts as lost, also when that takes several turns', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `dev${index}`);
    const discovered = names.map((node) => ({ id: 1, node: { node, path: [], lastHeard: 1 } }));
    const all = [...discovered, { id: 1, end: { code: '', message: '' } }];
    const messages = all.map((one) => frame(localEventCodec.encode({ discovered: one })));
    await using fake = await startFake((connection) => {
      connection.write(greeting);
      connection.once('data', () => connection.end(Buffer.concat(messages)));
    });
    const connection = await open(fake.socket);
    const found: string[] = [];
    const takeLong = ({ node }: DiscoverEvent) => {
      const until = performance.now() + 1;
      while (performance.now() < until);
      found.push(node);
    };
    await connection.discover({ timeout: 0, names: [] }, takeLong, signal);
    assert.deepEqual(found, names);
    await within('the loss', connection.whenLost());
  });

  test('is treated as a lost relay if it sends unreadable bytes', async () => {
    await using fake = await startFake((connection) => {
      connection.write(greeting);
      connection.once('data', () => connection.write(frame(Buffer.from([0xff, 0xff]))));
    });
    const connection = await open(fake.socket);
    const problem = await rejection(connection.forward('echo', sealed(''), ignore, signal));
    assert.equal(problem.code, 'no-response');
  });

  test('cannot reply to requests that were not sent: unknown numbers are ignored', async () => {
    await using relay = await startLocalRelay({
      ...echoing,
      discover: async (_request, _user, onNode) => onNode({ node: 'dev1', path: [], lastHeard: 1 }),
    });
    const connection = await open(relay.socket);
    const found: string[] = [];
    const control = new AbortController();
    const given = rejection(
      connection.discover({ timeout: 0, names: [] }, ({ node }) => found.push(node), control.signal),
    );
    control.abort();
    assert.equal((await given).code, 'cancelled');
    await connection.discover({ timeout: 0, names: [] }, ignore, signal);
    assert.deepEqual(found, []);
    connection.close();
  });
});

async function startFake(behave: (connection: Socket) => void) {
  const directory = await mkdtemp(join(tmpdir(), 'mco-fake-'));
  const socket = join(directory, 'relay.sock');
  const open = new Set<Socket>();
  const server: Server = createServer((connection) => {
    open.add(connection);
    connection.on('error', ignore);
    behave(connection);
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      for (const connection of open) connection.destroy();
      server.close();
      await rm(directory, { recursive: true });
    },
  };
}

describe('the path of a relay’s socket', () => {
  const listen = (path: string) => rejection(listenLocally(path, echoing, keepingLog()));

  test('is open to its owner and its group alone, whatever the umask', async () => {
    for (const mask of [0o000, 0o022, 0o077]) {
      const before = process.umask(mask);
      try {
        await using relay = await startLocalRelay(echoing);
        assert.equal((await stat(relay.socket)).mode & 0o777, 0o660, mask.toString(8));
      } finally {
        process.umask(before);
      }
    }
  });

  test('is open to nobody before it has its mode, and leaves nothing else beside it', async (t) => {
    const seen: string[] = [];
    const change = promises.chmod;
    t.mock.method(promises, 'chmod', async (file: string, mode: number) => {
      seen.push(relative(tmpdir(), file).split('/').slice(1).join('/'));
      assert.equal((await stat(dirname(file))).mode & 0o777, 0o700);
      await change(file, mode);
    });
    syncBuiltinESMExports();
    const before = process.umask(0);
    try {
      await using relay = await startLocalRelay(echoing);
      assert.equal(seen.length, 1);
      assert.match(`${seen[0]}`, /^\.[A-Za-z0-9]{6}\/s$/, 'not where others look for it');
      assert.deepEqual(await readdir(dirname(relay.socket)), ['relay.sock']);
      relay.stop();
      assert.deepEqual(await readdir(dirname(relay.socket)), []);
    } finally {
      process.umask(before);
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  test('asks the relay to admit each request and each discovery', async () => {
    const asked: string[] = [];
    const closed = {
      ...echoing,
      admit: async (_user: unknown, kind: string) => {
        asked.push(kind);
        throw new Problem('policy-denied', 'not admitted');
      },
    };
    await using relay = await startLocalRelay(closed);
    const connection = await open(relay.socket);
    const discovered = await rejection(connection.discover({ timeout: 0, names: ['dev1'] }, ignore, signal));
    assert.deepEqual([discovered.code, discovered.message], ['policy-denied', 'not admitted']);
    assert.equal((await rejection(connection.forward('echo', sealed('x'), ignore, signal))).code, 'no-response');
    assert.deepEqual(asked, ['discover', 'forward']);
    connection.close();
  });

  test('never costs a file that is there, and is not taken from a relay that serves', async () => {
    await using relay = await startLocalRelay(echoing);
    const file = `${relay.socket}.txt`;
    await writeFile(file, 'precious');
    const refusal = await listen(file);
    assert.equal(refusal.code, 'cannot-listen');
    assert.match(refusal.message, /there is something that is not a socket$/);
    assert.equal(await readFile(file, 'utf8'), 'precious');
    assert.match((await listen(relay.socket)).message, /another daemon serves there$/);
    assert.match((await listen(join(relay.socket, '..'))).message, /there is something that is not a socket$/);
  });

  test('is used only if it belongs to root or to this user', async (t) => {
    await using relay = await startLocalRelay(echoing);
    if (process.getuid?.() === 0) await chown(relay.socket, 12345, 12345);
    const { uid } = await stat(relay.socket);
    const own = t.mock.method(process as { getuid: () => number }, 'getuid', () => uid);
    (await open(relay.socket)).close();
    own.mock.mockImplementation(() => uid + 1);
    const foreign = await rejection(open(relay.socket));
    assert.deepEqual(
      [foreign.code, foreign.message],
      ['bad-permissions', `${relay.socket} is not a socket of root or of this user`],
    );
  });

  test('is refused with the reason if it is too long, or its directory cannot be created', async () => {
    await using relay = await startLocalRelay(echoing);
    const long = await listen(`${relay.socket}${'x'.repeat(100)}`);
    assert.match(long.message, /the path of a socket has at most 107 bytes$/);
    const folder = dirname(relay.socket);
    const deep = join(folder, 'x'.repeat(104 - Buffer.byteLength(folder)), 'r');
    assert.match((await listen(deep)).message, /the path of a socket’s directory has at most 98 bytes$/);
    assert.match((await listen('/proc/none/relay.sock')).message, /\/proc\/none: no such file or directory$/);
  });
});
