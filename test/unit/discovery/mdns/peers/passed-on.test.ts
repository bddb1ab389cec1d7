import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { machineBehind } from '../../../../../src/discovery/mdns/peers/passed-on.ts';
import { createPeerMemory } from '../../../../../src/discovery/mdns/peers/peer-memory.ts';
import type { Sighting } from '../../../../../src/discovery/mdns/peers/sighting.ts';

const minute = 60_000;
const seen = (identity: string, target: string, host: string): Sighting => {
  return { identity, target, port: 5810, hosts: [host], from: host, claims: undefined };
};

/** @param daemons the daemon that answers at each host */
function start(daemons: Record<string, string>) {
  const memory = createPeerMemory('own');
  const prove = async (_name: string, { host }: { host: string }) => {
    const id = daemons[host];
    return id === undefined ? undefined : { id };
  };
  const own = { identity: 'own', id: 'mine' };
  const behind = (sighting: Sighting) => {
    const [host = ''] = sighting.hosts;
    return machineBehind(sighting, { id: daemons[host] ?? '' }, { own, memory, prove });
  };
  const learn = (sighting: Sighting, now: number) => {
    const [host = ''] = sighting.hosts;
    memory.learn(sighting, { host, port: 5810 }, now);
  };
  return { memory, behind, learn };
}

describe('a sighting of a name that a known machine has', () => {
  test('is of that machine if the same daemon answers at both addresses', async () => {
    const daemons: Record<string, string> = { real: 'a', rogue: 'a', copy: 'b' };
    const { behind, learn } = start(daemons);
    const real = seen('dev1', 'dev1.local', 'real');
    assert.equal(await behind(real), undefined);
    learn(real, 0);
    assert.deepEqual(await behind(seen('dev1', 'rogue.local', 'rogue')), { target: 'dev1.local' });
    assert.equal(await behind(seen('dev1', 'copy.local', 'copy')), undefined, 'a copy has its own daemon');
    assert.equal(await behind(seen('dev2', 'rogue.local', 'rogue')), undefined, 'another node');
    // The daemon was started again.
    daemons.real = 'c';
    daemons.rogue = 'c';
    assert.deepEqual(await behind(seen('dev1', 'rogue.local', 'rogue')), { target: 'dev1.local' });
    daemons.real = 'd';
    assert.equal(await behind(seen('dev1', 'rogue.local', 'rogue')), undefined);
  });

  test('is of a new machine if that one is gone, or older', async () => {
    const { behind, learn } = start({ new: 'a', old: '' });
    learn(seen('dev1', 'dev1.local', 'gone'), 0);
    assert.equal(await behind(seen('dev1', 'new.local', 'new')), undefined);
    learn(seen('dev2', 'dev2.local', 'old'), 0);
    assert.equal(await behind(seen('dev2', 'new.local', 'old')), undefined);
  });

  test('is of the node itself if its own daemon answers', async () => {
    const { behind } = start({ rogue: 'mine', copy: 'other' });
    assert.equal(await behind(seen('own', 'rogue.local', 'rogue')), 'own');
    assert.equal(await behind(seen('own', 'copy.local', 'copy')), undefined);
    assert.equal(await behind(seen('dev1', 'rogue.local', 'rogue')), undefined);
  });

  test('does not count as a second machine: the known one was heard then', () => {
    const { memory, learn } = start({});
    learn(seen('dev1', 'dev1.local', 'real'), 0);
    memory.touch('dev1', 'dev1.local', minute);
    memory.touch('dev2', 'dev2.local', minute);
    assert.deepEqual(
      memory.heard(minute).map(({ name, addresses: [address], lastHeard }) => [name, address?.host, lastHeard]),
      [['dev1', 'real', minute]],
    );
    assert.deepEqual(memory.duplicates(minute), []);
    learn(seen('dev1', 'copy.local', 'copy'), 2 * minute);
    memory.touch('dev1', 'dev1.local', 3 * minute);
    assert.equal(memory.duplicates(3 * minute).length, 1, 'it is there as well as the other');
  });
});
