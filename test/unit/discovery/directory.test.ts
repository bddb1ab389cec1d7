import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { Candidate } from '../../../src/core/node.ts';
import type { DiscoverySource } from '../../../src/core/ports.ts';
import { filterHints } from '../../../src/discovery/filter-hints.ts';
import { cacheSource } from '../../../src/discovery/cache/source.ts';
import { memoryNetwork } from '../../support/fleet/memory-dial.ts';
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

describe('the directory', () => {
  test('uses no node whose name two machines prove, on the report of any reachable node', async () => {
    const duplicates = [{ identity: 'dev2', addresses: ['10.0.0.2', '10.0.0.99\x1b[2J'], since: 1000 }];
    for (const [what, filter, witness] of [
      ['its own', noFilter, { dev2: { duplicates }, dev1: {} }],
      ['that of another that matches', noFilter, { dev2: {}, dev1: { duplicates } }],
      ['that of one that does not match', bravo, { dev2: {}, dev1: { duplicates } }],
    ] as const) {
      const network = memoryNetwork({
        'h1:5810': { ...web('dev1', 'alfa'), ...witness.dev1 },
        'h2:5810': { ...web('dev2', 'bravo'), ...witness.dev2 },
      });
      const candidates = [listed('dev1', 'h1'), listed('dev2', 'h2')];
      const found = await find(network, candidates, { source: telling('file', candidates), filter });
      const matching = filter === bravo ? [] : ['dev1'];
      assert.deepEqual([found.names, found.codes], [matching, ['dev2 duplicate-identity']], what);
      const message = found.broken[0]?.problem.message ?? '';
      assert.match(message, /10\.0\.0\.2 was there first, 10\.0\.0\.99.* since/, what);
      assert.ok(!message.includes('\x1b'), 'the report of a node controls no terminal');
    }
  });

  test('reports two machines of one name although a node gives no time that a date can have', async () => {
    for (const since of [-1, Number.MAX_VALUE]) {
      const duplicates = [{ identity: 'dev2', addresses: [], since }];
      const network = memoryNetwork({ 'h2:5810': { ...web('dev2', 'bravo'), duplicates } });
      assert.deepEqual((await find(network, [heard('dev2', 'h2')])).codes, ['dev2 duplicate-identity']);
    }
  });

  test('closes each connection once its node has described itself, if no node will be called', async () => {
    const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa'), 'h2:5810': web('dev2', 'bravo') });
    const open: number[] = [];
    const onNode = () => void open.push(network.openConnections());
    await find(network, [heard('dev1', 'h1'), heard('dev2', 'h2')], { keep: false, concurrency: 1, onNode });
    assert.deepEqual(open, [0, 0]);
  });

  test('uses no node of another protocol, and reports which side is older', async () => {
    for (const [protocol, hint] of [
      [0, /upgrade the node/],
      [2, /upgrade this client/],
    ] as const) {
      const network = memoryNetwork({ 'h1:5810': { ...web('dev1', 'alfa'), protocol } });
      const found = await find(network, [heard('dev1', 'h1')]);
      assert.deepEqual([found.names, found.codes], [[], ['dev1 other-protocol']]);
      assert.match(found.broken[0]?.problem.hint ?? '', hint);
    }
  });

  test('connects to an expected node although the filter rules out its name', async () => {
    const network = memoryNetwork({ 'h1:5810': web('dev1', 'alfa'), 'h2:5810': web('dev2', 'bravo') });
    const candidates = [listed('dev1', 'h1'), listed('dev2', 'h2')];
    const filter = { ...noFilter, identities: ['dev1'] };
    const source: DiscoverySource = {
      name: 'file',
      async *discover() {
        yield* candidates;
      },
    };
    const found = await find(network, candidates, { source, filter, expect: ['dev2'] });
    assert.deepEqual([found.names, found.unmatched, found.silent], [['dev1'], 1, []]);
  });

  test('asks each node for the facts of the filter, beside those that the caller wants', async () => {
    const network = memoryNetwork({ 'h2:5810': web('dev2', 'bravo') });
    const filter = { ...noFilter, facts: ['cluster=bravo', 'tier=web'], select: 'zone=a or zone=b' };
    await find(network, [heard('dev2', 'h2')], { filter, facts: ['tag', 'tier'] });
    assert.deepEqual(
      network.askedForFacts.map((facts) => facts.toSorted()),
      [['cluster', 'tag', 'tier', 'zone']],
    );
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

  test('connects to no listed node whose name the filter rules out, and suggests one of those', async () => {
    const network = memoryNetwork({
      'h1:5810': web('web1.devco.net', 'alfa'),
      'h2:5810': web('web2.devco.net', 'alfa'),
    });
    const candidates = [listed('web1.devco.net', 'h1'), listed('web2.devco.net', 'h2'), listed('web3.devco.net', 'h3')];
    const source: DiscoverySource = {
      name: 'file',
      async *discover() {
        yield* candidates;
      },
    };
    const only = async (...identities: string[]) => {
      network.dialled.length = 0;
      return await find(network, [], { source, filter: { ...noFilter, identities } });
    };
    const one = await only('WEB2.devco.net');
    assert.deepEqual([one.names, one.silent, network.dialled], [['web2.devco.net'], [], ['web2.devco.net@h2:5810']]);
    const pattern = await only('/web[12]/');
    assert.deepEqual(pattern.names, ['web1.devco.net', 'web2.devco.net']);
    const short = await only('web1');
    assert.deepEqual([short.names, network.dialled], [[], []]);
    assert.deepEqual(short.hints, ['no node web1: did you mean web1.devco.net?']);
  });

  test('suggests facts only if no node matches, and names that it did not find in any case', () => {
    const description = { published: [], facts: Buffer.from('{"cluster":"a"}'), classes: [], agents: [] };
    const [found, none] = [[{ name: 'web1.devco.net', description }], []];
    const rest = { broken: [], rumours: [], quiet: [] };
    const filter = { ...noFilter, identities: ['web1', 'web1.devco.net'], facts: ['clusters=a'] };
    const hints = (nodes: readonly object[], unmatched: readonly object[]) =>
      filterHints(filter, { nodes, unmatched, ...rest } as unknown as Parameters<typeof filterHints>[1], () => []);
    assert.deepEqual(hints(found, none), ['no node web1: did you mean web1.devco.net?']);
    assert.equal(hints(none, found).length, 2);
    assert.match(hints(none, found)[1] ?? '', /clusters.*cluster/);
  });

  test('suggests each word once, none for a pattern, and no name with another number', () => {
    const description = { published: [], facts: Buffer.from('{"cluster":"a"}'), classes: ['web'], agents: [] };
    const sorted = { nodes: [], unmatched: [{ name: 'web1', description }], broken: [], rumours: [], quiet: [] };
    const hints = (more: Partial<typeof noFilter>) =>
      filterHints({ ...noFilter, ...more }, sorted as unknown as Parameters<typeof filterHints>[1], () => []);
    assert.equal(hints({ facts: ['clusters=a', 'clusters=b'] }).length, 1);
    assert.match(hints({ classes: ['wep'] }).join(), /has the class “wep”; nearest: “web”/);
    assert.deepEqual(hints({ classes: ['far'] }), ['no known node has the class “far”']);
    assert.deepEqual(hints({ facts: ['cluster=b'] }), ['no known node has cluster=b; nearest: “a”']);
    assert.deepEqual(hints({ facts: ['cluster=beta'] }), ['no known node has cluster=beta; known: a']);
    assert.deepEqual(hints({ facts: ['cluster=a', 'cluster!=b', 'cluster=/b/'] }), []);
    assert.deepEqual(hints({ classes: ['/wep/'], agents: ['/x/'] }), []);
    assert.deepEqual(hints({ identities: ['web2'] }), []);
    assert.deepEqual(hints({ identities: ['wep1'] }), ['no node wep1: did you mean web1?']);
  });

  test('suggests no host whose domain alone is the same', () => {
    const sorted = { nodes: [], unmatched: [], broken: [], rumours: [], quiet: [] };
    const hints = (name: string, ...listed: string[]) => {
      const found = sorted as unknown as Parameters<typeof filterHints>[1];
      return filterHints({ ...noFilter, identities: [name] }, found, () => [], new Set(listed));
    };
    assert.deepEqual(hints('dev99.devco.net', 'lb1.devco.net', 'dev9.devco.net'), []);
    assert.deepEqual(hints('lbl.devco.net', 'lb1.devco.net'), ['no node lbl.devco.net: did you mean lb1.devco.net?']);
    assert.deepEqual(hints('lb1.devco.com', 'lb1.devco.net'), ['no node lb1.devco.com: did you mean lb1.devco.net?']);
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

  test('that fail before they have described themselves take the place of no other that could be asked for its peers', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `n${index}`);
    const nodes = names.map(
      (name, index) => [`${name}:5810`, index < 5 ? { name, says: 'another' } : { name }] as const,
    );
    const network = memoryNetwork(Object.fromEntries(nodes));
    await find(
      network,
      names.map((name) => heard(name, name)),
      { concurrency: 1 },
    );
    assert.deepEqual(network.askedForPeers.slice(5), ['n5', 'n6', 'n7', 'n8']);
  });

  test('of the cache are not queried for their peers by a call, and are by a search', async () => {
    const known = ['dev1', 'dev2'].map((name) => [name, name, 'alfa'] as [string, string, string]);
    const asked = async (more: { readonly ask?: () => Promise<boolean> }) => {
      const network = memoryNetwork({ 'dev1:5810': web('dev1', 'alfa'), 'dev2:5810': web('dev2', 'alfa') });
      const cache = await cacheOf(...known);
      const found = await find(network, [], { source: cacheSource(cache), cache, ...more });
      assert.deepEqual(found.names, ['dev1', 'dev2']);
      return network.askedForPeers.length;
    };
    assert.equal(await asked({ ask: async () => true }), 0);
    assert.equal(await asked({}), 2);
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

  test('show no more than 80 characters of the name that a node gives itself', async () => {
    const network = memoryNetwork({ 'h4:5810': { name: 'dev4', says: 'x'.repeat(1000) } });
    const found = await find(network, [listed('dev4', 'h4')]);
    assert.equal(found.broken[0]?.problem.message, `dev4 describes itself as "${'x'.repeat(80)}"`);
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
      // What may fail, and what was being dialled when it had.
      assert.ok(wasted <= 64 + 8 * 12 + 32 + 64, String(wasted));
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

  test('have their full time to answer once they have proven themselves, when the others are given up', async () => {
    const givenUp = Promise.withResolvers<void>();
    const network = memoryNetwork({
      'h1:5810': web('dev1', 'alfa'),
      'h2:5810': { ...web('dev2', 'alfa'), describesAfter: givenUp.promise },
      'h3:5810': { name: 'dev3', mute: true, onGivenUp: givenUp.resolve },
    });
    const found = await find(network, [heard('dev1', 'h1'), heard('dev2', 'h2'), heard('dev3', 'h3')]);
    assert.deepEqual([found.names, found.codes, found.rumours.count], [['dev1', 'dev2'], [], 1]);
  });

  test('keep a place for the first name of each host, which is dialled once', async () => {
    const { names, network, real } = estate();
    const made = fakes(3000, (index) => `rogue${index % 3}`);
    for (const { name, addresses } of made) network.nodes.set(`${addresses[0]?.host}:5810`, { name, mute: true });
    const found = await find(network, [...made, ...real], { timeout: 60_000 });
    assert.deepEqual([found.names, found.codes, found.silent], [names, [], []]);
    assert.deepEqual(network.dialled.filter((one) => one.startsWith('dev')).length, 12);
    // Two dials at once of each sender, and those that may go on beside them once they have hung.
    assert.ok(network.dialled.length <= 12 + 3 * 2 + 64, network.dialled.join(' '));
  });

  test('are not read to the end once the nodes that others have proven were reached', async () => {
    const { names, network, real } = estate();
    const cut = Promise.withResolvers<void>();
    const source: DiscoverySource = {
      name: 'mdns',
      async *discover(_filter, signal) {
        signal.addEventListener('abort', () => cut.resolve());
        yield* real.slice(0, 1);
        yield* fakes(100, () => 'rogue').map((one) => ({ ...one, addresses: at('mute') }));
        await cut.promise;
      },
    };
    network.nodes.set('mute:5810', { name: 'mute', mute: true });
    const found = await find(network, [], { source });
    assert.deepEqual([found.names, found.codes, found.silent], [names, [], []]);
    assert.deepEqual([found.rumours.count, found.rumours.more], [100, true]);
  });

  test('do not make the search dial a node that others have proven, was not heard and cannot match', async () => {
    const peer = (name: string, cluster: string) => ({
      ...{ identity: name, address: name, port: 5810, lastHeard: now, facts: [`cluster=${cluster}`] },
    });
    const peers = [peer('dev2', 'bravo'), peer('dev3', 'alfa')];
    const network = memoryNetwork({
      'dev1:5810': { ...web('dev1', 'bravo'), peers },
      'dev2:5810': web('dev2', 'bravo'),
      'dev3:5810': web('dev3', 'alfa'),
    });
    const made = fakes(600, (index) => `rogue${index % 60}`);
    const found = await find(network, [heard('dev1', 'dev1'), ...made], { filter: bravo });
    assert.deepEqual(found.names, ['dev1', 'dev2']);
    assert.ok(!network.dialled.includes('dev3@dev3:5810'));
  });

  test('do not hide that two machines prove the name of a node that others have proven', async () => {
    const { network, real } = estate();
    network.nodes.set('twin:5810', web('dev5', 'alfa'));
    const made = fakes(100, () => 'rogue');
    const found = await find(network, [...real.slice(0, 1), ...made, ...real.slice(1), heard('dev5', 'twin')]);
    assert.deepEqual(found.codes, ['dev5 duplicate-identity']);
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
