import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import type { Candidate } from '../../../src/core/node.ts';
import type { ProblemCode } from '../../../src/core/problems/index.ts';
import type { Attempt, ReachedNode } from '../../../src/discovery/attempt.ts';
import { sortAttempts } from '../../../src/discovery/findings.ts';

/** Attempts at candidates in memory, and which of their connections were closed. */
function attempts() {
  const closed: string[] = [];
  const candidate = (name: string, host: string, more: Partial<Candidate>): Candidate => ({
    ...{ name, addresses: [{ host, port: 5810 }], source: 'mdns' },
    ...more,
  });
  return {
    closed,
    reached: (name: string, host: string, more: Partial<Candidate> = {}, matched = true, daemon = ''): Attempt => ({
      candidate: candidate(name, host, more),
      proven: true,
      result: {
        connection: { close: () => closed.push(host) },
        description: { identity: name, matched, daemon: Buffer.from(daemon) },
        elapsed: 1,
      } as unknown as ReachedNode,
    }),
    failed: (name: string, host: string, code: string, more: Partial<Candidate> = {}, proven = false): Attempt => ({
      candidate: candidate(name, host, more),
      proven,
      result: new Problem(code as ProblemCode, `${code} at ${host}`),
    }),
  };
}
const none = () => false;
/** The names in each list, with the addresses where they are. */
function sort(all: readonly Attempt[], isRumour: (candidate: Candidate) => boolean = none) {
  const sorted = sortAttempts(all, isRumour);
  const shown = (list: readonly { name: string; addresses: readonly { host: string }[] }[]) =>
    list.map(({ name, addresses }) => `${name} ${addresses.map(({ host }) => host).join()}`);
  return {
    ...sorted,
    lists: {
      ...{ nodes: shown(sorted.nodes), unmatched: shown(sorted.unmatched), broken: shown(sorted.broken) },
      ...{ rumours: shown(sorted.rumours), quiet: sorted.quiet.map(({ candidate }) => candidate.name) },
    },
  };
}
const nothing = { nodes: [], unmatched: [], broken: [], rumours: [], quiet: [] };

describe('a node that was reached', () => {
  test('is found with its open connection if it matches, and else closed', () => {
    const { closed, reached } = attempts();
    const { lists } = sort([reached('a', 'h1'), reached('b', 'h2', {}, false)]);
    assert.deepEqual(lists, { ...nothing, nodes: ['a h1'], unmatched: ['b h2'] });
    assert.deepEqual(closed, ['h2']);
  });

  test('is one node at several addresses of one origin, or of an unknown one, and keeps one connection', () => {
    for (const [first, second] of [
      [{}, {}],
      [{ origin: 'o1' }, {}],
      [{}, { origin: 'o1' }],
      [{ origin: 'o1' }, { origin: 'o1' }],
    ]) {
      const { closed, reached } = attempts();
      const { lists } = sort([reached('a', 'h1', first), reached('a', 'h2', second), reached('a', 'h3', first)]);
      assert.deepEqual([lists, closed], [{ ...nothing, nodes: ['a h1'] }, ['h2', 'h3']]);
    }
  });

  test('is broken if two of different origins prove to be it: both are closed', () => {
    const { closed, reached } = attempts();
    const { lists, broken } = sort([reached('a', 'h1', { origin: 'o1' }), reached('a', 'h2', { origin: 'o2' })]);
    assert.deepEqual([lists, closed], [{ ...nothing, broken: ['a h1,h2'] }, ['h1', 'h2']]);
    const { code, message, hint } = broken[0]?.problem ?? {};
    assert.deepEqual(
      [code, message, hint],
      [
        'duplicate-identity',
        'two nodes prove to be a: at h1:5810 and h2:5810',
        'they share a key: revoke its certificate and issue one to each',
      ],
    );
  });
});

describe('a node that another host passes connections on to', () => {
  test('is one node: the same daemon answers, whatever origin the host announces', () => {
    const { closed, reached } = attempts();
    const at = (host: string, origin: string, daemon: string) => reached('a', host, { origin }, true, daemon);
    const { lists } = sort([at('h1', 'o1', 'd'), at('h2', 'o2', 'd')]);
    assert.deepEqual([lists, closed], [{ ...nothing, nodes: ['a h1'] }, ['h2']]);
    for (const [one, other] of [
      ['d', 'e'],
      ['d', ''],
      ['', ''],
    ] as const) {
      const { lists: broken } = sort([at('h1', 'o1', one), at('h2', 'o2', other)]);
      assert.deepEqual(broken, { ...nothing, broken: ['a h1,h2'] }, `${one} ${other}`);
    }
    const again = sort([at('h1', 'o1', 'd'), at('h2', 'o1', 'e')]);
    assert.deepEqual(again.lists.nodes, ['a h1'], 'its daemon was started again');
  });
});

describe('a rival for the name of a node that was reached', () => {
  const rivals = (
    code: string,
    more: Partial<Candidate>,
    proven = false,
    own: Partial<Candidate> = { origin: 'o1' },
  ) => {
    const { reached, failed } = attempts();
    return sort([failed('a', 'h2', code, more, proven), reached('a', 'h1', own)]);
  };

  test('is reported beside the node, as broken if it is proven, and else as a rumour', () => {
    const rumour = rivals('wrong-node', { origin: 'o2' });
    assert.deepEqual(rumour.lists, { ...nothing, nodes: ['a h1'], rumours: ['a h2'] });
    const { code, message, hint } = rumour.rumours[0]?.problem ?? {};
    assert.deepEqual(
      [code, message, hint],
      [
        'duplicate-identity',
        'a is also announced at h2:5810, and what answers there does not prove to be it (wrong-node at h2)',
        'the proven node was used; find out what answers there',
      ],
    );
    assert.deepEqual(rivals('busy', { origin: 'o2' }, true).lists, { ...nothing, nodes: ['a h1'], broken: ['a h2'] });
  });

  test('is none if nobody answers there, if it is of the same origin, or of an unknown one', () => {
    const alone = { ...nothing, nodes: ['a h1'] };
    for (const code of ['unreachable', 'no-response'])
      assert.deepEqual(rivals(code, { origin: 'o2' }).lists, alone, code);
    assert.deepEqual(rivals('wrong-node', { origin: 'o1' }).lists, alone);
    assert.deepEqual(rivals('wrong-node', {}).lists, alone);
    assert.deepEqual(rivals('wrong-node', { origin: 'o2' }, false, {}).lists.rumours, ['a h2']);
  });
});

describe('a candidate that was not reached', () => {
  test('is broken, with its problem, or a rumour if it is one and has not proven itself', () => {
    const { failed } = attempts();
    const isRumour = ({ name }: Candidate) => name !== 'a';
    const all = [
      failed('a', 'h1', 'unreachable'),
      failed('b', 'h2', 'wrong-node'),
      failed('c', 'h3', 'busy', {}, true),
    ];
    const { lists, broken } = sort(all, isRumour);
    assert.deepEqual(lists, { ...nothing, broken: ['a h1', 'c h3'], rumours: ['b h2'] });
    assert.equal(broken[0]?.problem, all[0]?.result);
  });

  test('is quiet if a list names it and nobody answers there', () => {
    for (const source of ['file', 'stdin', 'dns', 'relay', 'cache', 'known'])
      for (const code of ['unreachable', 'no-response']) {
        const { failed } = attempts();
        assert.deepEqual(sort([failed('a', 'h1', code, { source })]).lists, { ...nothing, quiet: ['a'] }, source);
      }
    const { failed } = attempts();
    assert.deepEqual(sort([failed('a', 'h1', 'busy', { source: 'file' })]).lists.broken, ['a h1']);
  });

  test('is quiet if another node has the remembered address by now, but not if a list has it', () => {
    for (const [source, quiet] of [
      ['cache', true],
      ['known', true],
      ['file', false],
      ['mdns', false],
    ] as const) {
      const { failed } = attempts();
      const { lists } = sort([failed('a', 'h1', 'wrong-node', { source })]);
      assert.deepEqual([lists.quiet.length, lists.broken.length], quiet ? [1, 0] : [0, 1], source);
    }
  });

  test('is quiet once, and not if it was heard elsewhere', () => {
    const { failed } = attempts();
    const listed = { source: 'file' };
    const [one, two] = [failed('a', 'h1', 'unreachable', listed), failed('a', 'h2', 'unreachable', listed)];
    assert.deepEqual(sort([one, two]).quiet, [one]);
    const heard = failed('a', 'h3', 'wrong-node');
    assert.deepEqual(sort([one, heard]).lists, { ...nothing, broken: ['a h3'] });
  });
});
