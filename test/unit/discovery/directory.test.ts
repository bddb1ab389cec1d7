import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { Candidate } from '../../../src/core/node.ts';
import type { DiscoverySource } from '../../../src/core/ports.ts';
import { type Cache, openCache } from '../../../src/discovery/cache/cache.ts';
import { cacheSource } from '../../../src/discovery/cache/source.ts';
import { type FindOptions, findNodes } from '../../../src/discovery/directory.ts';
import { type MemoryNetwork, type MemoryNode, memoryNetwork } from '../../support/fleet/memory-dial.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';

/** When the test's nodes believe to be asked (`time` of their descriptions). */
const now = 1_000_000;
const bravo = { ...noFilter, facts: ['cluster=bravo'] };

const at = (host: string) => [{ host, port: 5810 }];
const heard = (name: string, host: string, origin = `${host}.local`): Candidate => {
  return { name, addresses: at(host), source: 'mdns', origin };
};
const listed = (name: string, host?: string): Candidate => {
  return { name, addresses: host === undefined ? [] : at(host), source: 'file' };
};
const web = (name: string, cluster: string): MemoryNode => ({
  name,
  facts: { cluster },
  agents: ['rpcutil', 'appmgr'],
});

/** A source that returns these for every question, and only the named ones where nodes are named. */
function telling(name: string, candidates: readonly Candidate[]): DiscoverySource {
  return {
    name,
    async *discover({ identities }) {
      for (const one of candidates) if (identities.length === 0 || identities.includes(one.name)) yield one;
    },
  };
}

describe('the directory', () => {
  let directory: string;
  let number = 0;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-directory-'));
  });
  after(() => rm(directory, { recursive: true }));
  const newCache = () => openCache(join(directory, `${number++}`, 'cache.json'), keepingLog());

  async function find(network: MemoryNetwork, candidates: readonly Candidate[], more: Partial<FindOptions> = {}) {
    const order = { source: telling('mdns', candidates), filter: noFilter, dial: network.dial, now: () => now };
    const signal = new AbortController().signal;
    const findings = await findNodes({ ...order, log: keepingLog(), signal, ...more });
    const names = findings.nodes.map(({ name }) => name);
    for (const { connection } of findings.nodes) connection.close();
    assert.equal(network.openConnections(), 0, 'a connection was left open');
    return { ...findings, names, codes: findings.broken.map(({ name, problem }) => `${name} ${problem.code}`) };
  }

  async function cacheOf(...nodes: [name: string, host: string, cluster: string][]): Promise<Cache> {
    const cache = await newCache();
    cache.remember(
      nodes.map(([name, host, cluster]) => {
        return { name, addresses: at(host), agents: ['rpcutil'], classes: [], facts: { cluster } };
      }),
      5000,
    );
    return cache;
  }

  describe('nodes that reply', () => {
    test('are those that match, by name, and the others are closed', async () => {
      const network = memoryNetwork({
        'h2:5810': web('dev2', 'bravo'),
        'h10:5810': web('dev10', 'bravo'),
        'h1:5810': web('dev1', 'alfa'),
      });
      const told: string[] = [];
      const found = await find(network, [heard('dev2', 'h2'), heard('dev1', 'h1'), heard('dev10', 'h10')], {
        filter: bravo,
        onNode: ({ name }) => told.push(name),
      });
      assert.deepEqual(found.names, ['dev10', 'dev2']);
      assert.deepEqual(told.sort(), ['dev10', 'dev2']);
      assert.equal(found.unmatched, 1);
      assert.deepEqual([found.broken, found.silent], [[], []]);
    });

    test('are each dialled once, however often they are announced', async () => {
      const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa') });
      await find(network, [heard('dev1', 'h1'), heard('dev1', 'h1'), heard('dev1', 'h1')]);
      assert.deepEqual(network.dialled, ['dev1@h1:5810']);
    });

    test('count as one node if announced with a second address', async () => {
      const network = memoryNetwork({ 'h1b:5810': web('dev1', 'alfa') });
      const found = await find(network, [heard('dev1', 'h1a', 'dev1.local'), heard('dev1', 'h1b', 'dev1.local')]);
      assert.deepEqual(found.names, ['dev1']);
      assert.deepEqual(found.codes, []);
    });

    test('are dialled before the source has returned everything', async () => {
      const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa'), 'h2:5810': web('dev2', 'alfa') });
      const first = Promise.withResolvers<void>();
      const source: DiscoverySource = {
        name: 'mdns',
        async *discover() {
          yield heard('dev1', 'h1');
          await first.promise;
          yield heard('dev2', 'h2');
        },
      };
      const found = await find(network, [], { source, onNode: () => first.resolve() });
      assert.deepEqual(found.names, ['dev1', 'dev2']);
    });

    test('are dialled up to the given number at once', async () => {
      const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
      const network = memoryNetwork(Object.fromEntries(names.map((name) => [`${name}:5810`, { name }])));
      const found = await find(
        network,
        names.map((name) => heard(name, name)),
        { concurrency: 4 },
      );
      assert.equal(found.nodes.length, 40);
      assert.ok(network.mostAtOnce() <= 4, String(network.mostAtOnce()));
    });

    test('are queried for their peers only in small number, and not if the caller named the nodes', async () => {
      const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
      const network = memoryNetwork(Object.fromEntries(names.map((name) => [`${name}:5810`, { name }])));
      await find(
        network,
        names.map((name) => heard(name, name)),
      );
      assert.equal(network.askedForPeers.length, 5);
      const list = names.map((name) => listed(name, name));
      await find(network, list, { source: telling('file', list) });
      assert.equal(network.askedForPeers.length, 5);
    });
  });

  describe('invalid replies', () => {
    test('are reported with the reason: a foreign certificate, another node, silence after the handshake', async () => {
      const network = memoryNetwork({
        'h1:5810': { name: 'dev1', refuses: new Problem('foreign-certificate', 'of another CA') },
        'h2:5810': { name: 'evil' },
        'h3:5810': { name: 'dev3', hangs: true },
        'h4:5810': { name: 'dev4', says: 'dev5' },
      });
      const candidates = ['1', '2', '3', '4', '6'].map((digit) => heard(`dev${digit}`, `h${digit}`));
      const known = candidates.map(
        ({ name, addresses: [one] }) => [name, one?.host ?? '', 'alfa'] as [string, string, string],
      );
      const found = await find(network, candidates, { timeout: 50, cache: await cacheOf(...known) });
      assert.deepEqual(found.names, []);
      assert.deepEqual(found.codes, [
        'dev1 foreign-certificate',
        'dev2 wrong-node',
        'dev3 no-response',
        'dev4 wrong-node',
        'dev6 unreachable',
      ]);
      assert.deepEqual(found.silent, []);
    });

    test('make a remembered node silent if another node is at its address, and a listed one broken', async () => {
      const network = memoryNetwork({ 'h2:5810': { name: 'dev9' } });
      const remembered: Candidate = { name: 'dev2', addresses: at('h2'), source: 'cache' };
      const cached = await find(network, [remembered], { cache: await cacheOf(['dev2', 'h2', 'alfa']) });
      assert.deepEqual([cached.codes, cached.silent.map(({ name }) => name)], [[], ['dev2']]);
      const list = [listed('dev2', 'h2')];
      const named = await find(network, list, { source: telling('file', list) });
      assert.deepEqual([named.codes, named.silent], [['dev2 wrong-node'], []]);
    });

    test('exclude both of two nodes that prove the same name', async () => {
      const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa'), 'h9:5810': web('dev1', 'alfa') });
      const found = await find(network, [heard('dev1', 'h1'), heard('dev1', 'h9')]);
      assert.deepEqual(found.names, []);
      assert.deepEqual(found.codes, ['dev1 duplicate-identity']);
      assert.match(found.broken[0]?.problem.message ?? '', /h1:5810 and h9:5810/);
    });

    test('are not reported for an address of a proven node that does not reply', async () => {
      const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa') });
      const found = await find(network, [heard('dev1', 'gone', 'other.local'), heard('dev1', 'h1')]);
      assert.deepEqual([found.names, found.codes, found.rumours.count], [['dev1'], [], 0]);
    });

    test('do not hide a node behind an impostor that proves nothing, and the impostor is named', async () => {
      const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa'), 'h9:5810': { name: 'evil' } });
      for (const candidates of [
        [heard('dev1', 'h9'), heard('dev1', 'h1')],
        [heard('dev1', 'h1'), heard('dev1', 'h9')],
      ]) {
        const found = await find(network, candidates);
        assert.deepEqual([found.names, found.codes], [['dev1'], []]);
        const [rumour] = found.rumours.examples;
        assert.equal(rumour?.problem.code, 'duplicate-identity');
        assert.match(
          rumour?.problem.message ?? '',
          /dev1 is also announced at h9:5810, and what answers there does not prove/,
        );
      }
    });
  });

  describe('names without a proof', () => {
    const fakes = (number: number, from: (index: number) => string) =>
      Array.from({ length: number }, (_, index) => ({
        ...heard(`fake${index}`, `h${index}`, `f${index}.local`),
        from: from(index),
      }));
    const estate = () => {
      const names = Array.from({ length: 12 }, (_, index) => `dev${index + 1}`);
      const peers = names.map((name) => ({ identity: name, address: name, port: 5810, lastHeard: now }));
      const network = memoryNetwork(
        Object.fromEntries(names.map((name) => [`${name}:5810`, { ...web(name, 'alfa'), peers }])),
      );
      const real = names.map((name) => ({ ...heard(name, name), from: name }));
      return { names: names.toSorted(), network, real };
    };

    test('do not count, and are reported separately', async () => {
      const network = memoryNetwork({
        'h1:5810': { name: 'dev1', refuses: new Problem('foreign-certificate', 'of another CA') },
        'h2:5810': { name: 'evil' },
        'h7:5810': web('dev7', 'alfa'),
      });
      const candidates = ['1', '2', '6', '7'].map((digit) => heard(`dev${digit}`, `h${digit}`));
      const found = await find(network, candidates);
      assert.deepEqual([found.names, found.codes, found.silent], [['dev7'], [], []]);
      assert.equal(found.rumours.count, 3);
      const codes = found.rumours.examples.map(({ problem }) => problem.code);
      assert.deepEqual(codes.sort(), ['foreign-certificate', 'unreachable', 'wrong-node']);
    });

    test('count if the caller named the node', async () => {
      for (const more of [{ expect: ['dev6'] }, { filter: { ...noFilter, identities: ['dev6'] } }]) {
        const found = await find(memoryNetwork({}), [heard('dev6', 'h6')], more);
        assert.deepEqual([found.codes, found.rumours.count], [['dev6 unreachable'], 0]);
      }
    });

    for (const [title, from] of [
      ['one address', () => 'rogue'],
      ['forty addresses', (index: number) => `rogue${index % 40}`],
    ] as const) {
      test(`are dialled in small number if ${title} made up 10,000, and all nodes are found`, async () => {
        const { names, network, real } = estate();
        const found = await find(network, [...fakes(5000, from), ...real, ...fakes(10_000, from).slice(5000)]);
        assert.deepEqual([found.names, found.codes, found.silent], [names, [], []]);
        assert.equal(found.rumours.count, 10_000);
        const wasted = network.dialled.filter((one) => one.startsWith('fake')).length;
        assert.ok(wasted <= 64 + 8 * 12 + 32, String(wasted));
        assert.ok(found.rumours.examples.length <= 100);
      });
    }

    test('finds any number of nodes that one host forwards from another network, even if one in nine is gone', async () => {
      const names = Array.from({ length: 180 }, (_, index) => `dev${1000 + index}`);
      const there = names.filter((_, index) => index % 9 !== 0);
      const network = memoryNetwork(Object.fromEntries(there.map((name) => [`${name}:5810`, web(name, 'alfa')])));
      const found = await find(
        network,
        names.map((name) => ({ ...heard(name, name), from: 'gateway' })),
      );
      assert.deepEqual([found.names, found.rumours.count], [there, 20]);
    });

    test('delay no node if they hang: one that proves itself names the others, though all share an address', async () => {
      const { names, network, real } = estate();
      const made = fakes(600, (index) => `rogue${index % 60}`);
      for (const { name, addresses } of made) network.nodes.set(`${addresses[0]?.host}:5810`, { name, mute: true });
      const found = await find(network, [...made, ...real.map((one) => ({ ...one, from: 'site' }))]);
      assert.deepEqual([found.names, found.codes, found.silent], [names, [], []]);
      assert.ok(network.mostAtOnce() <= 32 + 64 + 32, String(network.mostAtOnce()));
    });

    test('are dialled at the address that others have proven, not at the announced one', async () => {
      const { names, network, real } = estate();
      const lies = real.slice(1).map((one) => ({ ...one, addresses: at('nowhere') }));
      const found = await find(network, [...real.slice(0, 1), ...lies]);
      assert.deepEqual([found.names, found.silent], [names, []]);
      network.nodes.delete('dev5:5810');
      const later = await find(network, [...real.slice(0, 1), ...lies]);
      assert.deepEqual(
        later.silent.map(({ name }) => name),
        ['dev5'],
        'an empty cache does not hide a silent node',
      );
    });
  });

  test('uses no node whose name two machines prove, on the report of any reachable node', async () => {
    const duplicates = [{ identity: 'dev2', addresses: ['10.0.0.2', '10.0.0.99'], since: 1000 }];
    for (const witness of [
      { dev2: { duplicates }, dev1: {} },
      { dev2: {}, dev1: { duplicates } },
    ]) {
      const network = memoryNetwork({
        'h1:5810': { ...web('dev1', 'alfa'), ...witness.dev1 },
        'h2:5810': { ...web('dev2', 'bravo'), ...witness.dev2 },
      });
      const candidates = [listed('dev1', 'h1'), listed('dev2', 'h2')];
      const found = await find(network, candidates, { source: telling('file', candidates) });
      assert.deepEqual([found.names, found.codes], [['dev1'], ['dev2 duplicate-identity']]);
      assert.match(found.broken[0]?.problem.message ?? '', /10\.0\.0\.2 was there first, 10\.0\.0\.99 since/);
    }
  });

  describe('silent nodes', () => {
    test('are named if the cache knows them, with when they were last seen', async () => {
      const network = memoryNetwork({ 'h2:5810': web('dev2', 'bravo') });
      const cache = await cacheOf(['dev2', 'h2', 'bravo'], ['dev4', 'h4', 'bravo'], ['dev1', 'h1', 'alfa']);
      const found = await find(network, [heard('dev2', 'h2')], { filter: bravo, cache });
      assert.deepEqual(found.names, ['dev2']);
      assert.deepEqual(found.silent, [{ name: 'dev4', lastSeen: 5000, by: 'cache' }]);
    });

    test('are named if only a peer remembers them, with the peer’s clock corrected', async () => {
      const peers = [
        {
          identity: 'dev4',
          address: 'h4',
          port: 5810,
          lastHeard: now - 700,
          facts: ['cluster=bravo'],
          agents: ['rpcutil'],
        },
        {
          identity: 'dev1',
          address: 'h1',
          port: 5810,
          lastHeard: now - 700,
          facts: ['cluster=alfa'],
          agents: ['rpcutil'],
        },
        { identity: '../x', address: 'h1', port: 5810, lastHeard: now },
      ];
      const network = memoryNetwork({ 'h2:5810': { ...web('dev2', 'bravo'), peers } });
      const found = await find(network, [heard('dev2', 'h2')], { filter: bravo, now: () => 9_000_000 });
      assert.deepEqual(found.silent, [{ name: 'dev4', lastSeen: 9_000_000 - 700, by: 'dev2' }]);
    });

    test('are reached if they are running but were not announced', async () => {
      const peers = [{ identity: 'dev4', address: 'h4', port: 5810, lastHeard: now, facts: ['cluster=bravo'] }];
      const network = memoryNetwork({
        'h2:5810': { ...web('dev2', 'bravo'), peers },
        'h4:5810': web('dev4', 'bravo'),
        'h6:5810': web('dev6', 'bravo'),
      });
      const cache = await cacheOf(['dev6', 'h6', 'bravo']);
      const found = await find(network, [heard('dev2', 'h2')], { filter: bravo, cache });
      assert.deepEqual(found.names, ['dev2', 'dev4', 'dev6']);
      assert.deepEqual(found.silent, []);
    });

    test('do not include a node that moved to another cluster, which is found', async () => {
      const network = memoryNetwork({ 'h2:5810': web('dev2', 'bravo'), 'h4:5810': web('dev4', 'alfa') });
      const cache = await cacheOf(['dev4', 'h4', 'bravo']);
      const found = await find(network, [heard('dev2', 'h2')], { filter: bravo, cache });
      assert.deepEqual([found.names, found.silent, found.unmatched], [['dev2'], [], 1]);
      assert.equal(cache.nodes().find(({ name }) => name === 'dev4')?.facts.cluster, 'alfa');
    });

    test('are queried again by name if their address now belongs to another', async () => {
      const network = memoryNetwork({ 'h4:5810': web('dev9', 'alfa'), 'h44:5810': web('dev4', 'bravo') });
      const cache = await cacheOf(['dev4', 'h4', 'bravo']);
      const source: DiscoverySource = {
        name: 'mdns',
        async *discover({ identities }) {
          if (identities.includes('dev4')) yield heard('dev4', 'h44');
        },
      };
      const found = await find(network, [], { source, filter: bravo, cache });
      assert.deepEqual([found.names, found.silent, found.codes], [['dev4'], [], []]);
      assert.deepEqual(cache.nodes()[0]?.addresses, at('h44'));
    });

    test('are reported if their address now belongs to another and they are nowhere else', async () => {
      const network = memoryNetwork({ 'h4:5810': web('dev9', 'alfa') });
      const found = await find(network, [], { filter: bravo, cache: await cacheOf(['dev4', 'h4', 'bravo']) });
      assert.deepEqual(
        found.silent.map(({ name }) => name),
        ['dev4'],
      );
      assert.deepEqual(found.codes, []);
    });

    test('do not include a known node that fails its handshake, which is reported', async () => {
      const refuses = new Problem('expired-certificate', 'expired');
      const network = memoryNetwork({ 'h4:5810': { name: 'dev4', refuses } });
      const found = await find(network, [], { filter: bravo, cache: await cacheOf(['dev4', 'h4', 'bravo']) });
      assert.deepEqual([found.codes, found.silent], [['dev4 expired-certificate'], []]);
    });

    test('are reported if nothing known excludes them', async () => {
      const cache = await newCache();
      cache.remember([{ name: 'dev4', addresses: at('h4'), agents: [], classes: [], facts: {} }], 5000);
      const silent = async (filter: object) => {
        const found = await find(memoryNetwork({}), [], { filter: { ...noFilter, ...filter }, cache });
        return found.silent.map(({ name }) => name);
      };
      assert.deepEqual(await silent({ facts: ['cluster=bravo'] }), ['dev4']);
      assert.deepEqual(await silent({ agents: ['appmgr'], classes: ['/web/'] }), ['dev4']);
      assert.deepEqual(await silent({ identities: ['/^dev/'] }), ['dev4']);
      assert.deepEqual(await silent({ identities: ['/^lb/'] }), []);
      assert.deepEqual(await silent({ identities: ['dev5'] }), []);
    });

    test('include what the caller expects, and what a list names', async () => {
      const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa') });
      const list = [listed('dev1', 'h1'), listed('dev2', 'h2'), listed('dev3')];
      const found = await find(network, list, { source: telling('file', list), expect: ['dev1', 'dev7'] });
      assert.deepEqual(found.silent, [
        { name: 'dev2', lastSeen: undefined, by: 'file' },
        { name: 'dev3', lastSeen: undefined, by: 'file' },
        { name: 'dev7', lastSeen: undefined, by: 'expected' },
      ]);
      assert.deepEqual(found.codes, []);
    });

    test('are limited to those that a list names', async () => {
      const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa') });
      const list = [listed('dev1', 'h1')];
      const cache = await cacheOf(['dev4', 'h4', 'bravo']);
      const found = await find(network, list, { source: telling('file', list), cache });
      assert.deepEqual(found.silent, []);
      assert.deepEqual(network.dialled, ['dev1@h1:5810']);
    });

    test('are dialled at their last address if they have none, then as a host name', async () => {
      const network = memoryNetwork({ 'dev4:5810': web('dev4', 'bravo') });
      const list = [listed('dev4')];
      const cache = await cacheOf(['dev4', 'h4', 'bravo']);
      const found = await find(network, list, { source: telling('file', list), cache });
      assert.deepEqual(found.names, ['dev4']);
      assert.deepEqual(network.dialled, ['dev4@h4:5810', 'dev4@dev4:5810']);
    });

    test('exclude a retired node, whatever its peers remember, until it announces itself again', async () => {
      const peer = { identity: 'dev4', address: 'h4', port: 5810, facts: ['cluster=bravo'] };
      const network = memoryNetwork({
        'h2:5810': { ...web('dev2', 'bravo'), peers: [{ ...peer, lastHeard: now - 1000 }] },
      });
      const cache = await cacheOf(['dev4', 'h4', 'bravo']);
      cache.forget('dev4', now - 500);
      const found = await find(network, [heard('dev2', 'h2')], { filter: bravo, cache });
      assert.deepEqual(found.silent, []);
      network.nodes.set('h2:5810', { ...web('dev2', 'bravo'), peers: [{ ...peer, lastHeard: now - 100 }] });
      const later = await find(network, [heard('dev2', 'h2')], { filter: bravo, cache });
      assert.deepEqual(later.silent, [{ name: 'dev4', lastSeen: now - 100, by: 'dev2' }]);
    });
  });

  describe('a set that shrinks', () => {
    const lost = (found: { broken: readonly { name: string; problem: Problem }[] }) =>
      found.broken.map(({ problem }) => `${problem.code}: ${problem.message}`);

    test('names a node that lost the fact that included it, until it is forgotten', async () => {
      const network = memoryNetwork({
        'h2:5810': web('dev2', 'bravo'),
        'h4:5810': { name: 'dev4', agents: ['rpcutil', 'appmgr'] },
        'h6:5810': web('dev6', 'alfa'),
      });
      const cache = await cacheOf(['dev2', 'h2', 'bravo'], ['dev4', 'h4', 'bravo'], ['dev6', 'h6', 'alfa']);
      const all = [heard('dev2', 'h2'), heard('dev4', 'h4'), heard('dev6', 'h6')];
      const message =
        'dev4 was in this set (cluster=bravo when it was last seen by cache) and now has no fact “cluster”';
      // A look at all of them in between must not make the client forget where it belonged.
      await find(network, all, { cache });
      for (let time = 0; time < 2; time++) {
        const found = await find(network, all, { filter: bravo, cache });
        assert.deepEqual([found.names, lost(found)], [['dev2'], [`left-set: ${message}`]]);
      }
      cache.forget('dev4', now + 1);
      assert.deepEqual(lost(await find(network, all, { filter: bravo, cache, now: () => now + 2 })), []);
    });

    test('names a node that only its peers remember as a member', async () => {
      const peers = [{ identity: 'dev4', address: 'h4', port: 5810, lastHeard: 9000, facts: ['cluster=bravo'] }];
      const network = memoryNetwork({
        'h2:5810': { ...web('dev2', 'bravo'), peers },
        'h4:5810': { name: 'dev4', agents: ['rpcutil', 'appmgr'] },
      });
      const found = await find(network, [heard('dev2', 'h2'), heard('dev4', 'h4')], { filter: bravo });
      assert.match(lost(found).join(), /^left-set: dev4 was in this set .* by dev2\) and now has no fact “cluster”$/);
    });

    test('names a node that moved once, and then accepts it', async () => {
      const network = memoryNetwork({ 'h4:5810': web('dev4', 'alfa') });
      const cache = await cacheOf(['dev4', 'h4', 'bravo']);
      const first = await find(network, [heard('dev4', 'h4')], { filter: bravo, cache });
      assert.deepEqual(lost(first), ['left-set: dev4 was in this set (cluster=bravo) and now says cluster=alfa']);
      assert.deepEqual(lost(await find(network, [heard('dev4', 'h4')], { filter: bravo, cache })), []);
    });

    test('names a node with incomplete facts only if they may decide', async () => {
      const node = (name: string, more: Partial<MemoryNode>): MemoryNode => ({ name, agents: ['rpcutil'], ...more });
      const network = memoryNetwork({
        'h1:5810': node('dev1', { incomplete: ['*'] }),
        'h2:5810': node('dev2', { incomplete: ['cluster'] }),
        'h3:5810': node('dev3', { incomplete: ['dmi'] }),
        'h4:5810': node('dev4', { incomplete: ['*'], facts: { cluster: 'alfa' } }),
        'h5:5810': node('dev5', { incomplete: ['*'], facts: { cluster: 'bravo' } }),
      });
      const all = [1, 2, 3, 4, 5].map((number) => heard(`dev${number}`, `h${number}`));
      const found = await find(network, all, { filter: bravo });
      assert.deepEqual(found.names, ['dev5']);
      assert.deepEqual(found.codes, ['dev1 incomplete-facts', 'dev2 incomplete-facts']);
      const bySelect = await find(network, all, {
        filter: { ...noFilter, select: 'dmi.serial=1 or tag=x' },
      });
      assert.deepEqual(
        bySelect.codes,
        ['dev1', 'dev3', 'dev4', 'dev5'].map((name) => `${name} incomplete-facts`),
      );
      assert.deepEqual((await find(network, all, { filter: { ...noFilter, agents: ['appmgr'] } })).codes, []);
    });
  });

  test('remembers only what was proven', async () => {
    const network = memoryNetwork({
      'h2:5810': { ...web('dev2', 'bravo'), classes: ['web'], facts: { cluster: 'bravo', n: 1, deep: { x: 1 } } },
      'h9:5810': { name: 'evil' },
    });
    const cache = await newCache();
    await find(network, [heard('dev2', 'h2'), heard('dev9', 'h9')], { cache });
    assert.deepEqual(cache.nodes(), [
      {
        name: 'dev2',
        addresses: at('h2'),
        agents: ['rpcutil', 'appmgr'],
        classes: ['web'],
        facts: { cluster: 'bravo', n: '1' },
        lastSeen: now,
      },
    ]);
  });

  test('finds with only the cache', async () => {
    const network = memoryNetwork({ 'h2:5810': web('dev2', 'bravo') });
    const cache = await cacheOf(['dev2', 'h2', 'bravo'], ['dev4', 'h4', 'bravo'], ['dev1', 'h1', 'alfa']);
    const found = await find(network, [], { source: cacheSource(cache), filter: bravo, cache });
    assert.deepEqual(found.names, ['dev2']);
    assert.deepEqual(found.silent, [{ name: 'dev4', lastSeen: 5000, by: 'cache' }]);
    assert.deepEqual(network.dialled.sort(), ['dev2@h2:5810', 'dev4@h4:5810']);
  });

  test('leaves nothing open if the source fails or the caller leaves', async () => {
    const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa'), 'h3:5810': { name: 'dev3', hangs: true } });
    const reached = Promise.withResolvers<void>();
    const failing: DiscoverySource = {
      name: 'mdns',
      async *discover() {
        yield heard('dev1', 'h1');
        yield heard('dev3', 'h3');
        await reached.promise;
        throw new Problem('no-multicast', 'no');
      },
    };
    await assert.rejects(find(network, [], { source: failing, onNode: () => reached.resolve() }), {
      code: 'no-multicast',
    });
    assert.equal(network.openConnections(), 0);

    const leaving = new AbortController();
    const candidates = [heard('dev1', 'h1'), heard('dev3', 'h3')];
    const order = { signal: leaving.signal, onNode: () => leaving.abort(new Error('left')) };
    await assert.rejects(find(network, candidates, order), { message: 'left' });
    assert.equal(network.openConnections(), 0);
  });
});
