import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { doublings, planWaves } from '../../../../src/client/publish/waves.ts';

const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index + 1}`);

/** Lets all copies that run end together, until all have it. @returns the round of each node */
function runTogether(holders: readonly string[], nodes: readonly string[]): Map<string, number> {
  const waves = planWaves(holders, nodes);
  const rounds = new Map<string, number>();
  for (let copies = waves.next(); copies.length > 0; copies = waves.next()) {
    const senders = copies.map(({ from }) => from);
    assert.equal(new Set(senders).size, senders.length, 'each sends to one at a time');
    for (const { to, round } of copies) {
      waves.arrived(to);
      rounds.set(to, round);
    }
  }
  return rounds;
}

describe('waves', () => {
  for (const [count, rounds] of [
    [1, 0],
    [2, 1],
    [3, 2],
    [24, 5],
    [32, 5],
    [60, 6],
    [1000, 10],
  ] as const) {
    test(`reach ${count} nodes from one holder in ${rounds} rounds`, () => {
      const all = names(count);
      const found = runTogether(all.slice(0, 1), all.slice(1));
      assert.equal(found.size, count - 1);
      assert.equal(Math.max(0, ...found.values()), rounds);
      assert.equal(doublings(1, count), rounds);
    });
  }

  test('take at most one round more than the doublings, in any order of finished copies', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const all = names(2 + (seed % 40));
      const waves = planWaves(all.slice(0, 1), all.slice(1));
      const running: { to: string; round: number }[] = [];
      let state = seed;
      const random = (below: number) => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return state % below;
      };
      const rounds: number[] = [];
      for (;;) {
        running.push(...waves.next());
        if (running.length === 0) break;
        const [{ to, round }] = running.splice(random(running.length), 1) as [{ to: string; round: number }];
        waves.arrived(to);
        rounds.push(round);
      }
      assert.equal(rounds.length, all.length - 1);
      assert.ok(
        Math.max(...rounds) <= doublings(1, all.length) + 1,
        `${all.length} nodes, ${Math.max(...rounds)} rounds`,
      );
    }
  });

  test('skip a node that two others report, and use it again once it has sent', () => {
    const waves = planWaves(['a', 'b'], ['c', 'd', 'e']);
    waves.blame('a', 'c');
    waves.blame('a', 'c');
    assert.deepEqual(waves.holders(), ['a', 'b']);
    waves.blame('a', 'd');
    assert.deepEqual(waves.holders(), ['b']);
    assert.deepEqual(
      waves.next().map(({ from }) => from),
      ['b'],
    );
    waves.clear('a');
    assert.deepEqual(waves.holders(), ['a', 'b']);
  });

  test('begin nothing without a holder, and begin with the first node that the operator sends to', () => {
    const waves = planWaves([], ['a', 'b', 'c']);
    assert.deepEqual(waves.next(), []);
    waves.seed('b', true);
    assert.deepEqual(waves.next(), [{ to: 'a', from: 'b', others: [], round: 1 }]);
    waves.failed('a', true);
    assert.deepEqual(waves.waiting(), ['c', 'a']);
    waves.seed('c', false);
    assert.deepEqual(waves.holders(), ['b']);
  });

  test('name other holders to fall back on, in another order for each copy', () => {
    const holders = names(6);
    const copies = planWaves(holders, ['x', 'y']).next();
    for (const { from, others } of copies) {
      assert.equal(others.length, 3);
      assert.ok(!others.includes(from));
    }
    assert.notDeepEqual(copies[0]?.others, copies[1]?.others);
  });
});
