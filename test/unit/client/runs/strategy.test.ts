import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Capacity, decideStrategy } from '../../../../src/client/commands/upgrade/strategy.ts';

const four = ['dev2', 'dev4', 'dev6', 'dev8'];

/** A backend with so many usable servers, of which so many must stay. */
const backend =
  (usable: number, least = 1) =>
  async (out: readonly string[]): Promise<Capacity> => {
    const left = usable - out.length;
    return left < least ? { refused: `only ${left} would stay` } : { left };
  };

test('an upgrade disables all servers together if as many others stay in traffic', async () => {
  assert.deepEqual(await decideStrategy(four, backend(9)), {
    name: 'parallel',
    batch: undefined,
    why: 'all 4 servers at once: 5 others stay in traffic',
  });
});

test('an upgrade disables all servers together from exactly as many others on', async () => {
  for (const [usable, expected] of [
    [7, 'rolling'],
    [8, 'parallel'],
    [9, 'parallel'],
  ] as const) {
    assert.equal((await decideStrategy(four, backend(usable))).name, expected, `${usable} usable servers`);
  }
});

test('an upgrade goes batch by batch otherwise, and reports the reason', async () => {
  const few = await decideStrategy(four, backend(5));
  assert.deepEqual([few.name, few.batch], ['rolling', '2']);
  assert.equal(few.why, '2 at a time: with all 4 out, only 1 other would stay in traffic');
  const whole = await decideStrategy(four, backend(4));
  assert.deepEqual([whole.name, whole.batch], ['rolling', '2']);
  assert.match(whole.why ?? '', /with all 4 out, only 0 would stay/);
});

test('an upgrade goes one at a time if two are too many', async () => {
  const tight = await decideStrategy(four, backend(4, 3));
  assert.deepEqual([tight.name, tight.batch], ['rolling', '1']);
  const two = await decideStrategy(four.slice(0, 2), backend(2));
  assert.deepEqual([two.name, two.batch], ['rolling', '1']);
});

test('an upgrade leaves what it cannot determine to the run, which reports the cause', async () => {
  assert.deepEqual(await decideStrategy(four, async () => undefined), { name: 'parallel', batch: undefined });
});
