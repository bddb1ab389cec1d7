import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { startProveQueue, usualBudget } from '../../../../../src/discovery/mdns/peers/prove-queue.ts';
import type { Sighting } from '../../../../../src/discovery/mdns/peers/sighting.ts';

const seen = (identity: string, from: string): Sighting => {
  return { identity, target: `${identity}.local`, port: 5810, hosts: [from], from, claims: undefined };
};
/** Without a rate, no more than the burst is ever tried: what a test counts does not depend on time. */
const budget = { ...usualBudget, rate: 0 };

async function settle(): Promise<void> {
  for (let round = 0; round < 500; round++) await turn();
}

describe('the queue of nodes to prove', () => {
  for (const [title, from] of [
    ['one address', () => 'rogue'],
    ['many addresses', (index: number) => `rogue${index}`],
  ] as const) {
    test(`tries few of 10,000 names made up by ${title}, and remembers none`, async () => {
      const tried: string[] = [];
      const proven: string[] = [];
      const prove = async (name: string) => {
        tried.push(name);
        return undefined;
      };
      const queue = startProveQueue(prove, ({ identity }) => void proven.push(identity), budget);
      for (let index = 0; index < 10_000; index++) queue.see(seen(`fake${index}`, from(index)));
      await settle();
      assert.ok(tried.length > 0 && tried.length <= usualBudget.burst, String(tried.length));
      assert.deepEqual(proven, []);
      queue.stop();
    });
  }

  test('gives each sender its turn, so that one with made-up names delays nobody', async () => {
    const proven: string[] = [];
    const prove = async (name: string) => (name.startsWith('dev') ? { id: '' } : undefined);
    const queue = startProveQueue(prove, ({ identity }) => void proven.push(identity), { ...budget, burst: 30 });
    for (let index = 0; index < 1000; index++) queue.see(seen(`fake${index}`, 'rogue'));
    for (let index = 0; index < 10; index++) queue.see(seen(`dev${index}`, `h${index}`));
    await settle();
    assert.equal(proven.length, 10);
    queue.stop();
  });

  test('tries the addresses of a sighting until one proves it', async () => {
    const tried: string[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    const prove = async (_name: string, { host }: { host: string }) => {
      tried.push(host);
      return host === 'b' ? { id: 'daemon' } : undefined;
    };
    const queue = startProveQueue(prove, (_sighting, { host }, { id }) => resolve(`${host} ${id}`), budget);
    queue.see({ ...seen('dev1', 'a'), hosts: ['a', 'b', 'c'] });
    assert.equal(await promise, 'b daemon');
    assert.deepEqual(tried, ['a', 'b']);
    queue.stop();
  });
});
