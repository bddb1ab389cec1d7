import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { defineIdentity } from '../../../../src/core/identity.ts';
import type { Candidate } from '../../../../src/core/node.ts';
import type { DiscoverEvent, FilterTerms, SignedKey } from '../../../../src/core/wire/messages.ts';
import type { Policies } from '../../../../src/daemon/agents/policies.ts';
import { startBudget } from '../../../../src/daemon/relay/budget.ts';
import { startPool } from '../../../../src/daemon/relay/pool.ts';
import { defineRelay } from '../../../../src/daemon/relay/service.ts';
import type { PeerConnection } from '../../../../src/transport/relay/peers/peer.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';

const key: SignedKey = { key: Buffer.alloc(0), signature: Buffer.alloc(0), chain: [] };
const addresses = [{ host: '127.0.0.1', port: 1 }];
const connection = {
  key: async () => key,
  refuse: () => undefined,
  whenLost: () => new Promise<void>(() => {}),
  close: () => {},
} as unknown as PeerConnection;

describe('a relay that is asked for nodes', () => {
  /** @param peers those whose names begin with “far” are only on a list
   * @param announced the names that the network announces when it is asked */
  const start = async (
    peers: readonly string[],
    announced: readonly string[],
    dial: (name: string) => Promise<PeerConnection> = async () => connection,
  ) => {
    const events: DiscoverEvent[] = [];
    const asked: FilterTerms[] = [];
    const excused: (readonly string[])[] = [];
    const pool = startPool({ dial, most: 100, log: keepingLog() });
    const known = peers.map((name) => ({ name, addresses, lastHeard: name.startsWith('far') ? 0 : 1 }));
    pool.know(known);
    await Promise.all(peers.map((name) => pool.whenWarm(name)));
    const relay = defineRelay({
      limitRate: () => {},
      own: { key: () => key, sealed: () => assert.fail('nothing is forwarded here') },
      identity: defineIdentity('node', 'devco.net', 'bastion.devco.net'),
      pool,
      budget: startBudget({ requests: 1, bytes: 1 }),
      policies: {} as Policies,
      known: async () => known,
      ask: (_timeout, connected) => ({
        name: 'mdns',
        async *discover(filter): AsyncGenerator<Candidate> {
          asked.push(filter);
          excused.push(connected);
          for (const name of announced) yield { name, addresses, source: 'mdns' };
        },
      }),
      count: () => {},
      now: () => 5,
    });
    const ask = async (names: string[], timeout = 100) => {
      events.length = 0;
      await relay.discover({ timeout, names }, 'local', (event) => events.push(event), new AbortController().signal);
      const reported = (isReached: boolean) =>
        events.flatMap(({ node, key: signed }) => ((signed !== undefined) === isReached ? [node] : []));
      return { reached: reported(true), named: reported(false) };
    };
    return { ask, asked, excused, events, pool, stop: pool.stop };
  };

  test('reports the named nodes alone, without a question to the network if it is connected to them', async () => {
    const { ask, asked, stop } = await start(['web1', 'web2', 'web3'], []);
    assert.deepEqual(await ask(['web2']), { reached: ['web2'], named: [] });
    assert.deepEqual(await ask(['bastion.devco.net']), { reached: ['bastion.devco.net'], named: [] });
    assert.deepEqual(asked, []);
    stop();
  });

  test('asks the network for a named node that it is not connected to', async () => {
    const { ask, asked, stop } = await start(['web1'], ['web9']);
    assert.deepEqual(await ask(['web1', 'web9']), { reached: ['web1', 'web9'], named: [] });
    assert.deepEqual(
      asked.map(({ identities }) => identities),
      [['web9']],
    );
    stop();
  });

  test('lets all but three of its connected nodes be silent, and each time others answer', async () => {
    const peers = Array.from({ length: 40 }, (_, index) => `web${index}`);
    const lost = { ...connection, refuse: () => new Problem('revoked-certificate', 'its certificate is revoked') };
    const { ask, excused, stop } = await start(peers, [], async (name) => (name === 'web7' ? lost : connection));
    const { reached } = await ask([]);
    assert.equal(reached.length, 40, 'the relay itself, and all but the lost one');
    for (let again = 0; again < 20; again++) await ask([]);
    for (const names of excused) {
      assert.equal(new Set(names).size, 36);
      assert.ok(names.every((name) => peers.includes(name) && name !== 'web7'));
    }
    assert.ok(new Set(excused.map((names) => names.toSorted().join())).size > 1);
    stop();
  });

  test('lets all nodes be silent that were never heard by multicast', async () => {
    const { ask, excused, stop } = await start(['far1', 'web1', 'far2', 'far3', 'web2', 'far4'], []);
    await ask([]);
    assert.deepEqual(excused, [['far1', 'far2', 'far3', 'far4']]);
    stop();
  });

  test('lets nobody be silent where three nodes or fewer are connected', async () => {
    for (const peers of [[], ['web1'], ['web1', 'web2', 'web3']]) {
      const { ask, excused, stop } = await start(peers, []);
      await ask([]);
      assert.deepEqual(excused, [[]]);
      stop();
    }
  });

  test('names its other nodes if a named one is not found, so that the caller can suggest one', async () => {
    const { ask, stop } = await start(['web1.devco.net', 'web2.devco.net'], []);
    assert.deepEqual(await ask(['web1']), { reached: [], named: ['web1.devco.net', 'web2.devco.net'] });
    // A question without time is about the key of a node that was called before.
    assert.deepEqual(await ask(['web1'], 0), { reached: [], named: [] });
    stop();
  });

  test('reports nothing after the end: a node that is connected later cannot break the list', async () => {
    const connected = Promise.withResolvers<PeerConnection>();
    const { ask, events, pool, stop } = await start([], ['web9'], () => connected.promise);
    using delays = mockDelays();
    const asking = ask([]);
    await someTurns();
    await delays.pass(1000);
    assert.deepEqual(await asking, { reached: ['bastion.devco.net'], named: ['web9'] });
    const before = events.length;
    connected.resolve(connection);
    assert.ok(await pool.whenWarm('web9'));
    assert.equal(events.length, before);
    stop();
  });

  test('names a node that another relay cannot reach, although that relay waits for it as long as this one', async () => {
    const delay = Promise.withResolvers<void>();
    const other = {
      ...connection,
      relay: {
        discover: async (_request: object, onNode: (event: DiscoverEvent) => void) => {
          await delay.promise;
          onNode({ node: 'dark1', path: ['edge'], lastHeard: 1 });
        },
      },
    } as unknown as PeerConnection;
    const { ask, pool, stop } = await start([], ['web9'], (name) =>
      name === 'edge' ? Promise.resolve(other) : new Promise(() => {}),
    );
    pool.know([{ name: 'edge', addresses, lastHeard: 1 }]);
    assert.ok(await pool.whenWarm('edge'));
    using delays = mockDelays();
    const asking = ask([]);
    await someTurns();
    await delays.pass(1000);
    delay.resolve();
    assert.deepEqual(await asking, { reached: ['bastion.devco.net', 'edge'], named: ['dark1', 'web9'] });
    stop();
  });

  test('does not take itself for a peer when it hears its own name', async () => {
    const { ask, pool, stop } = await start([], ['bastion.devco.net', 'web9']);
    assert.deepEqual(await ask([]), { reached: ['bastion.devco.net', 'web9'], named: [] });
    assert.deepEqual(pool.names(), ['web9']);
    stop();
  });

  test('reports all nodes if none is named', async () => {
    const { ask, asked, stop } = await start(['web1'], ['web9']);
    assert.deepEqual(await ask([]), { reached: ['bastion.devco.net', 'web1', 'web9'], named: [] });
    assert.deepEqual(
      asked.map(({ identities }) => identities),
      [[]],
    );
    stop();
  });
});
