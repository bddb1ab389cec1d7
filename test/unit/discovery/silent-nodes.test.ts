import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { DiscoverySource } from '../../../src/core/ports.ts';
import type { Attempt } from '../../../src/discovery/attempt.ts';
import type { FoundNode } from '../../../src/discovery/findings.ts';
import { missingNodes } from '../../../src/discovery/missing.ts';
import { doubtfulNodes } from '../../../src/discovery/uncertain-nodes.ts';
import { type MemoryNode, memoryNetwork } from '../../support/fleet/memory-dial.ts';
import {
  at,
  bravo,
  cacheOf,
  find,
  heard,
  listed,
  newCache,
  now,
  telling,
  web,
} from '../../support/fleet/memory-find.ts';

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

  test('do not include a node that moved to another cluster, which is found', async () => {
    const network = memoryNetwork({ 'h2:5810': web('dev2', 'bravo'), 'h4:5810': web('dev4', 'alfa') });
    const cache = await cacheOf(['dev4', 'h4', 'bravo']);
    const found = await find(network, [heard('dev2', 'h2')], { filter: bravo, cache });
    assert.deepEqual([found.names, found.silent, found.unmatched], [['dev2'], [], 1]);
    assert.equal(cache.nodes().find(({ name }) => name === 'dev4')?.facts.cluster, 'alfa');
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

  test('include an expected node that is listed, whatever the cache remembers of it', async () => {
    const list = [listed('dev2', 'h2'), listed('dev4', 'h4')];
    const cache = await cacheOf(['dev2', 'h2', 'alfa'], ['dev4', 'h4', 'alfa']);
    const more = { source: telling('file', list), filter: bravo, cache, expect: ['dev2'] };
    const found = await find(memoryNetwork({}), list, more);
    assert.deepEqual(found.silent, [{ name: 'dev2', lastSeen: 5000, by: 'cache' }]);
  });

  test('include known nodes that a relay, a service or the DNS does not list', async () => {
    const cache = await cacheOf(['dev2', 'h2', 'bravo'], ['dev4', 'h4', 'alfa']);
    for (const source of ['relay', 'mdns', 'dns', 'consul', 'puppetdb', 'exec', 'sql']) {
      const found = await find(memoryNetwork({}), [], { source: telling(source, []), filter: bravo, cache });
      assert.deepEqual(found.silent, [{ name: 'dev2', lastSeen: 5000, by: 'cache' }], source);
    }
  });

  test('include a node whose last known address another uses, but none that others failed to prove', () => {
    const failed = (source: string, proven: boolean): Attempt => ({
      candidate: { name: 'dev2', addresses: at('h2'), source },
      proven,
      result: new Problem('wrong-node', 'another answers'),
    });
    const search = {
      ...{ source: telling('mdns', []), filter: noFilter, expect: ['dev2'] },
      ...{ now: () => now, signal: new AbortController().signal },
    };
    for (const [source, isRumour, proven, isMissing] of [
      ['known', false, false, true],
      ['mdns', true, false, true],
      ['mdns', false, false, false],
      ['known', false, true, false],
    ] as const) {
      const missing = missingNodes(search, [failed(source, proven)], () => isRumour);
      assert.equal(missing.has('dev2'), isMissing, `${source}, rumour: ${isRumour}, proven: ${proven}`);
    }
  });

  test('are limited to those that a list names', async () => {
    const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa') });
    const list = [listed('dev1', 'h1')];
    const cache = await cacheOf(['dev4', 'h4', 'bravo']);
    for (const name of ['file', 'stdin']) {
      const found = await find(network, list, { source: telling(name, list), cache });
      assert.deepEqual(found.silent, [], name);
      assert.deepEqual(network.dialled.splice(0), ['dev1@h1:5810'], name);
    }
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

describe('nodes known from before', () => {
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

  test('are reached where only a peer has proven them, if the caller expects them', async () => {
    const peers = [{ identity: 'dev4', address: 'h4', port: 5810, lastHeard: now, facts: ['cluster=alfa'] }];
    const network = memoryNetwork({
      'h2:5810': { ...web('dev2', 'bravo'), peers },
      'h4:5810': web('dev4', 'alfa'),
    });
    const found = await find(network, [heard('dev2', 'h2')], { filter: bravo, expect: ['dev4'] });
    assert.deepEqual([found.names, found.unmatched, found.silent], [['dev2'], 1, []]);
  });

  test('are queried again by name if their address now belongs to another', async () => {
    const network = memoryNetwork({ 'h4:5810': web('dev9', 'alfa'), 'h44:5810': web('dev4', 'bravo') });
    const cache = await cacheOf(['dev4', 'h4', 'bravo']);
    const source: DiscoverySource = {
      name: 'mdns',
      async *discover({ identities }) {
        if (!identities.includes('dev4')) return;
        yield heard('dev4', 'h44');
        yield heard('dev9', 'h9');
      },
    };
    const found = await find(network, [], { source, filter: bravo, cache });
    assert.deepEqual([found.names, found.silent, found.codes], [['dev4'], [], []]);
    assert.equal(found.rumours.count, 0, 'nobody has asked for dev9');
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

  test('are dialled at their last address if they have none, then as a host name', async () => {
    const network = memoryNetwork({ 'dev4:5810': web('dev4', 'bravo') });
    const list = [listed('dev4')];
    const cache = await cacheOf(['dev4', 'h4', 'bravo']);
    const found = await find(network, list, { source: telling('file', list), cache });
    assert.deepEqual(found.names, ['dev4']);
    assert.deepEqual(network.dialled.splice(0), ['dev4@h4:5810', 'dev4@dev4:5810']);
    // The cache has the host name: once more only with another port.
    for (const [port, dialled] of [
      [5810, ['dev4@dev4:5810']],
      [5811, ['dev4@dev4:5811', 'dev4@dev4:5810']],
    ] as const) {
      const named = newCache();
      named.remember([{ name: 'dev4', addresses: [{ host: 'dev4', port }], agents: [], classes: [], facts: {} }], 5000);
      await find(network, list, { source: telling('file', list), cache: named });
      assert.deepEqual(network.dialled.splice(0), dialled);
    }
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
      'dev4 was in this set (cluster=bravo when it was last seen by this client) and now has no fact “cluster”';
    // A look at all of them in between must not make the client forget where it belonged.
    await find(network, all, { cache });
    for (let time = 0; time < 2; time++) {
      const found = await find(network, all, { filter: bravo, cache });
      assert.deepEqual([found.names, lost(found)], [['dev2'], [`left-set: ${message}`]]);
    }
    cache.forget('dev4', now + 1);
    assert.deepEqual(lost(await find(network, all, { filter: bravo, cache, now: () => now + 2 })), []);
  });

  test('does not name a node that lost the fact and does not run the agent either', async () => {
    const network = memoryNetwork({ 'h4:5810': { name: 'dev4', agents: ['rpcutil'] } });
    const cache = await cacheOf(['dev4', 'h4', 'bravo']);
    const filter = { ...bravo, agents: ['appmgr'] };
    assert.deepEqual(lost(await find(network, [heard('dev4', 'h4')], { filter, cache })), []);
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

  const bravoWeb = { ...noFilter, facts: ['cluster=bravo', 'tier=web'] };
  /** A client that has seen dev4 with these facts. */
  const seenWith = (facts: Readonly<Record<string, string>>) => {
    const cache = newCache();
    cache.remember([{ name: 'dev4', addresses: at('h4'), agents: ['rpcutil'], classes: [], facts }], 5000);
    return cache;
  };

  test('names a node that lost several facts, unless one of them had kept it out before', async () => {
    const network = memoryNetwork({ 'h4:5810': { name: 'dev4' } });
    const search = async (facts: Readonly<Record<string, string>>) =>
      lost(await find(network, [heard('dev4', 'h4')], { filter: bravoWeb, cache: seenWith(facts) }));
    assert.match((await search({ cluster: 'bravo', tier: 'web' })).join(), /^left-set: dev4 was in this set/);
    assert.deepEqual(await search({ cluster: 'bravo', tier: 'db' }), []);
    assert.deepEqual(await search({ cluster: 'bravo' }), []);
  });

  test('names no node that moved if another of its facts had kept it out before', async () => {
    const network = memoryNetwork({ 'h4:5810': { name: 'dev4', facts: { cluster: 'alfa', tier: 'db' } } });
    const before = { cluster: 'bravo', tier: 'db' };
    const found = await find(network, [heard('dev4', 'h4')], { filter: bravoWeb, cache: seenWith(before) });
    assert.deepEqual(lost(found), []);
  });

  test('names no node that did not describe itself: nothing is known of it', () => {
    const known = new Map([['dev4', { facts: { cluster: 'bravo' }, lastSeen: 5000, by: 'cache' }]]);
    const doubtful = (version: string) => {
      const description = { agents: [], classes: [], facts: Buffer.from('{}'), incomplete: [], version };
      const node = { name: 'dev4', addresses: [], description } as unknown as FoundNode;
      return doubtfulNodes(bravo, [node], { seen: known, known: () => known }).map(({ problem }) => problem.code);
    };
    assert.deepEqual([doubtful('0.1.0'), doubtful('')], [['left-set'], []]);
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
