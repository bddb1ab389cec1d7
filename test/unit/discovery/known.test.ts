import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { NodeDescription, Peer } from '../../../src/core/wire/messages.ts';
import type { CachedNode } from '../../../src/discovery/cache/content.ts';
import { type ClientMemory, peersOf, uniteKnown } from '../../../src/discovery/known.ts';

const now = 100_000;
const cached = (name: string, more: Partial<CachedNode> = {}) =>
  ({
    ...{ name, addresses: [{ host: 'c1', port: 1 }], agents: ['old'], classes: ['was'], facts: { a: '1', b: '1' } },
    ...{ lastSeen: 50_000, ...more },
  }) as unknown as CachedNode;
const memory = (nodes: CachedNode[], forgotten: Readonly<Record<string, number>> = {}): ClientMemory => ({
  nodes: () => nodes,
  forgotten: (name) => forgotten[name],
});
const peer = (identity: string, lastHeard: number, more: Partial<Peer> = {}) =>
  ({
    ...{ identity, address: 'p1', port: 2, lastHeard, agents: ['new'], classes: ['is'], facts: ['b=2', 'c=x=y'] },
    ...more,
  }) as Peer;
/** A node that reports its peers, by a clock that may differ. */
const reporting = (identity: string, peers: readonly Peer[], time = now) =>
  ({ identity, peers, time }) as unknown as NodeDescription;
const known = (own: ClientMemory | undefined, ...reports: NodeDescription[]) => uniteKnown(own, reports, now);

describe('what is known of nodes', () => {
  test('is the memory of this client', () => {
    const node = cached('dev2');
    assert.deepEqual([...known(memory([node]))], [['dev2', { ...node, by: 'cache' }]]);
    assert.equal(known(undefined).size, 0);
  });

  test('is the memory of each node of its peers, by the age that it reports', () => {
    const [[name, node] = []] = known(undefined, reporting('dev1', [peer('dev2', 900)], 1000));
    assert.equal(name, 'dev2');
    assert.deepEqual(node, {
      ...{ name: 'dev2', addresses: [{ host: 'p1', port: 2 }], agents: ['new'], classes: ['is'] },
      ...{ facts: { b: '2', c: 'x=y' }, lastSeen: now - 100, by: 'dev1' },
    });
    const ahead = known(undefined, reporting('dev1', [peer('dev2', 5000)], 1000));
    assert.equal(ahead.get('dev2')?.lastSeen, now, 'no sight is later than now');
    assert.deepEqual(
      known(undefined, reporting('dev1', [peer('dev2', now, { address: '' })])).get('dev2')?.addresses,
      [],
    );
    assert.equal(known(undefined, reporting('dev1', [peer('../x', now)])).size, 0);
  });

  test('is the later claim, with the facts and addresses of both', () => {
    const later = known(memory([cached('dev2')]), reporting('dev1', [peer('dev2', 50_001)])).get('dev2');
    assert.deepEqual(later, {
      ...{ name: 'dev2', agents: ['new'], classes: ['is'], facts: { a: '1', b: '2', c: 'x=y' } },
      ...{
        addresses: [
          { host: 'p1', port: 2 },
          { host: 'c1', port: 1 },
        ],
        lastSeen: 50_001,
        by: 'dev1',
      },
    });
    const earlier = known(memory([cached('dev2')]), reporting('dev1', [peer('dev2', 50_000)])).get('dev2');
    assert.deepEqual(earlier, {
      ...{ name: 'dev2', agents: ['old'], classes: ['was'], facts: { a: '1', b: '1', c: 'x=y' } },
      ...{
        addresses: [
          { host: 'c1', port: 1 },
          { host: 'p1', port: 2 },
        ],
        lastSeen: 50_000,
        by: 'cache',
      },
    });
  });

  test('has the agents and classes of the earlier claim if the later one has no agents', () => {
    const bare = peer('dev2', 60_000, { agents: [], classes: ['x'] });
    const { agents, classes } = known(memory([cached('dev2')]), reporting('dev1', [bare])).get('dev2') ?? {};
    assert.deepEqual([agents, classes], [['old'], ['was']]);
  });

  test('has each address once, and eight at most', () => {
    const same = cached('dev2', {
      addresses: [
        { host: 'p1', port: 2 },
        { host: 'p1', port: 3 },
      ] as never,
    });
    assert.deepEqual(known(memory([same]), reporting('dev1', [peer('dev2', 60_000)])).get('dev2')?.addresses, [
      { host: 'p1', port: 2 },
      { host: 'p1', port: 3 },
    ]);
    const many = Array.from({ length: 9 }, (_, at) => ({ host: `c${at}`, port: 1 }));
    const all = known(
      memory([cached('dev2', { addresses: many as never })]),
      reporting('dev1', [peer('dev2', 60_000)]),
    );
    assert.deepEqual(
      all.get('dev2')?.addresses.map(({ host }) => host),
      ['p1', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6'],
    );
  });

  test('leaves out a node that was forgotten, until it is seen after that', () => {
    const names = (lastHeard: number, name = 'dev2') => [
      ...known(memory([], { dev2: 70_000 }), reporting('dev1', [peer(name, lastHeard)])).keys(),
    ];
    assert.deepEqual([names(69_999), names(70_000), names(70_001), names(1, 'dev4')], [[], [], ['dev2'], ['dev4']]);
  });
});

test('a peer may be dialled if it may match the filter, or if the caller expects it', () => {
  const filter = { ...noFilter, facts: ['b=1'] };
  const peers = ['dev2', 'dev4', 'dev6'].map((name) => peer(name, now, { facts: [name === 'dev2' ? 'b=1' : 'b=2'] }));
  assert.deepEqual(
    peersOf({ filter, expect: ['dev6'], now: () => now }, reporting('dev1', peers)).map(({ name, mayMatch }) => [
      name,
      mayMatch,
    ]),
    [
      ['dev2', true],
      ['dev4', false],
      ['dev6', true],
    ],
  );
  assert.deepEqual(peersOf({ filter, now: () => now }, reporting('dev1', [])), []);
});
