import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { SignedKey } from '../../../../src/core/wire/messages.ts';
import { type KnownPeer, type Pool, startPool } from '../../../../src/daemon/relay/pool.ts';
import type { PeerConnection } from '../../../../src/transport/relay/peers/peer.ts';
import { mockDelays } from '../../../support/mock-delays.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';
import { until } from '../../../support/until.ts';

const key: SignedKey = { key: Buffer.alloc(0), signature: Buffer.alloc(0), chain: [] };
const peers = (count: number, lastHeard = 1): KnownPeer[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `web${index}.devco.net`,
    addresses: [{ host: '127.0.0.1', port: 1 }],
    lastHeard,
  }));

/** Connections that a test loses when it wants to. */
function startNetwork() {
  const dialled: string[] = [];
  const lost = new Map<string, () => void>();
  const closed: string[] = [];
  const refused = new Set<string>();
  /** Those that do not send their keys. */
  const keyless = new Set<string>();
  let running = 0;
  let most = 0;
  const dial = async (name: string): Promise<PeerConnection> => {
    dialled.push(name);
    running++;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running--;
    if (refused.has(name)) throw new Problem('unreachable', `${name} does not answer`);
    const ending = Promise.withResolvers<void>();
    lost.set(name, ending.resolve);
    const unused = () => Promise.reject(new Error('not asked in this test'));
    return {
      key: async () => {
        if (keyless.has(name)) throw new Problem('no-response', `${name} sends no key`);
        return key;
      },
      refuse: () => undefined,
      whenLost: () => ending.promise,
      close: () => closed.push(name),
      sealed: unused,
      relay: undefined,
    } as unknown as PeerConnection;
  };
  return { dial, dialled, lost, closed, refused, keyless, most: () => most };
}

describe('the connections of a relay', () => {
  test('are limited in number, and dialled sixteen at once', async () => {
    const network = startNetwork();
    const pool = startPool({ dial: network.dial, most: 40, log: keepingLog() });
    pool.know(peers(100));
    await Promise.all(peers(40).map(({ name }) => pool.whenWarm(name)));
    assert.deepEqual(pool.counts(), { warm: 40, known: 40 });
    assert.equal(new Set(network.dialled).size, 40);
    assert.ok(network.most() <= 16, String(network.most()));
    assert.equal(await pool.whenWarm('web40.devco.net'), undefined);
    pool.stop();
    assert.equal(network.closed.length, 40);
  });

  test('are given to a peer that was heard after one that is not connected, and taken from no connected one', async () => {
    const network = startNetwork();
    const [first, second, third, fourth] = peers(4) as [KnownPeer, KnownPeer, KnownPeer, KnownPeer];
    for (const { name } of [first, second]) network.refused.add(name);
    const pool = startPool({ dial: network.dial, most: 3, log: keepingLog() });
    pool.know([{ ...first, lastHeard: 2 }, { ...second, lastHeard: 1 }, third]);
    await Promise.all([first, second, third].map(({ name }) => pool.whenWarm(name)));
    pool.know([{ ...fourth, lastHeard: 1 }]);
    assert.deepEqual(pool.names(), [first.name, second.name, third.name], 'heard no later than any of them');
    pool.know([{ ...fourth, lastHeard: 3 }, ...peers(9, 2).slice(4)]);
    assert.deepEqual(pool.names(), [first.name, third.name, fourth.name]);
    assert.ok(await pool.whenWarm(fourth.name));
    assert.equal(await pool.whenWarm(second.name), undefined);
    assert.deepEqual(pool.counts(), { warm: 2, known: 3 });
    pool.stop();
  });

  test('are closed for a forgotten peer, and not opened again until it is known again', async () => {
    const network = startNetwork();
    const pool = startPool({ dial: network.dial, most: 10, log: keepingLog() });
    pool.know(peers(2));
    await Promise.all(peers(2).map(({ name }) => pool.whenWarm(name)));
    pool.forget('web0.devco.net');
    network.lost.get('web0.devco.net')?.();
    assert.deepEqual(pool.names(), ['web1.devco.net']);
    assert.equal(pool.warm('web0.devco.net'), undefined);
    assert.ok(network.closed.includes('web0.devco.net'));
    pool.know(peers(1));
    assert.ok(await pool.whenWarm('web0.devco.net'));
    assert.deepEqual(network.dialled, ['web0.devco.net', 'web1.devco.net', 'web0.devco.net']);
    pool.stop();
  });

  for (const [what, drop] of [
    ['for a peer that is forgotten during the handshake', (pool: Pool) => pool.forget('web0.devco.net')],
    ['if the relay stops during the handshake', (pool: Pool) => pool.stop()],
  ] as const) {
    test(`are closed ${what}`, async () => {
      const network = startNetwork();
      const begun = Promise.withResolvers<void>();
      const handshake = Promise.withResolvers<void>();
      const dial = async (name: string) => {
        begun.resolve();
        await handshake.promise;
        return await network.dial(name);
      };
      const pool = startPool({ dial, most: 10, log: keepingLog() });
      pool.know(peers(1));
      await begun.promise;
      drop(pool);
      assert.deepEqual(network.dialled, [], 'it is not connected yet');
      handshake.resolve();
      await until('the connection is closed', () => network.closed.length === 1);
      assert.deepEqual(pool.counts(), { warm: 0, known: 0 });
      pool.stop();
    });
  }

  test('are opened again after a loss, and the peer cannot be reached until then', async () => {
    const network = startNetwork();
    const pool = startPool({ dial: network.dial, most: 4, log: keepingLog() });
    pool.know(peers(1));
    const name = 'web0.devco.net';
    assert.ok(await pool.whenWarm(name));
    network.lost.get(name)?.();
    await new Promise(setImmediate);
    assert.equal(pool.warm(name), undefined);
    // Heard again: it is worth an attempt at once.
    pool.know(peers(1, 2));
    await until(`a connection to ${name}`, () => pool.warm(name) !== undefined, 0);
    assert.equal(network.dialled.length, 2);
    assert.deepEqual(network.closed, [name]);
    pool.stop();
  });

  test('are closed to a peer that sends no key', async () => {
    const network = startNetwork();
    const name = 'web0.devco.net';
    network.keyless.add(name);
    const pool = startPool({ dial: network.dial, most: 4, log: keepingLog() });
    pool.know(peers(1));
    assert.equal(await pool.whenWarm(name), undefined);
    assert.deepEqual([network.closed, pool.counts()], [[name], { warm: 0, known: 1 }]);
    pool.stop();
  });

  test('are closed to a peer whose key is so large that it would end the connections of users', async () => {
    const network = startNetwork();
    const sizes = new Map([
      ['web0.devco.net', 64 * 1024],
      ['web1.devco.net', 64 * 1024 + 1],
    ]);
    const dial = async (name: string) => {
      const chain = [Buffer.alloc((sizes.get(name) ?? 0) - 2)];
      return {
        ...(await network.dial(name)),
        key: async () => ({ key: Buffer.alloc(1), signature: Buffer.alloc(1), chain }),
      };
    };
    const pool = startPool({ dial, most: 4, log: keepingLog() });
    pool.know(peers(2));
    assert.ok(await pool.whenWarm('web0.devco.net'));
    assert.equal((await pool.whenWarm('web1.devco.net')) === undefined, true);
    assert.deepEqual(network.closed, ['web1.devco.net']);
    pool.stop();
  });

  test('skip a peer that does not reply, and include it when it announces itself again', async () => {
    const network = startNetwork();
    const name = 'web0.devco.net';
    network.refused.add(name);
    const pool = startPool({ dial: network.dial, most: 4, log: keepingLog() });
    pool.know(peers(1));
    assert.equal(await pool.whenWarm(name), undefined);
    network.refused.delete(name);
    pool.know(peers(1, 2));
    await until(`a connection to ${name}`, () => pool.warm(name) !== undefined, 0);
    assert.deepEqual(pool.counts(), { warm: 1, known: 1 });
    pool.stop();
  });

  test('are tried again after pauses that double up to a minute, and begin again with the shortest after a connection', async (t) => {
    using delays = mockDelays();
    t.mock.method(Math, 'random', () => 1);
    const network = startNetwork();
    const name = 'web0.devco.net';
    network.refused.add(name);
    const pool = startPool({ dial: network.dial, most: 4, log: keepingLog() });
    const waits = async (pause: number) => {
      const { length } = network.dialled;
      await delays.pass(pause - 1);
      assert.equal(network.dialled.length, length, `before ${pause} ms`);
      await delays.pass(1);
      assert.equal(network.dialled.length, length + 1, `after ${pause} ms`);
    };
    // A list without news of a peer does not hurry it.
    for (let list = 0; list < 5; list++) {
      pool.know(peers(1));
      await delays.pass(0);
    }
    assert.equal(network.dialled.length, 1);
    for (const pause of [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) await waits(pause);
    network.refused.delete(name);
    await waits(60_000);
    assert.ok(pool.warm(name));
    network.lost.get(name)?.();
    await delays.pass(0);
    await waits(500);
    assert.ok(pool.warm(name));
    pool.stop();
  });
});
