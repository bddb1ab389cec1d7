import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createPeerMemory, type PeerMemory } from '../../../../../src/discovery/mdns/peers/peer-memory.ts';
import type { Sighting } from '../../../../../src/discovery/mdns/peers/sighting.ts';

const claims = { agents: ['rpcutil'], classes: ['web'], facts: { cluster: 'bravo' } };
const host = '10.0.0.1';

function sighting(identity: string, more: Partial<Sighting> = {}): Sighting {
  return { identity, target: 'h.local', port: 5810, hosts: [host], from: host, claims, ...more };
}

const learn = (memory: PeerMemory, seen: Sighting, now: number) =>
  memory.learn(seen, { host: seen.hosts[0] ?? '', port: seen.port }, now);

describe('the memory of peers', () => {
  test('keeps each proven node, its address, its claims and the time', () => {
    const memory = createPeerMemory('me');
    learn(memory, sighting('dev1'), 1000);
    assert.deepEqual(memory.heard(2000), [
      { name: 'dev1', addresses: [{ host, port: 5810 }], ...claims, lastHeard: 1000 },
    ]);
  });

  test('accepts nothing new without a proof', () => {
    const memory = createPeerMemory('me');
    assert.equal(memory.refresh(sighting('dev1'), 1), false);
    assert.deepEqual(memory.heard(2), []);
    learn(memory, sighting('dev1'), 1000);
    assert.equal(memory.refresh(sighting('dev1'), 2000), true);
    assert.equal(memory.heard(3000)[0]?.lastHeard, 2000);
    for (const other of [{ target: 'x.local' }, { hosts: ['10.0.0.9'], from: '10.0.0.9' }]) {
      assert.equal(memory.refresh(sighting('dev1', other), 5000), false);
    }
    assert.equal(memory.heard(6000)[0]?.lastHeard, 2000);
  });

  test('accepts a node’s claims only in a packet from its own address', () => {
    const memory = createPeerMemory('me');
    learn(memory, sighting('dev1'), 1000);
    const other = { ...claims, facts: { cluster: 'alfa' } };
    memory.refresh(sighting('dev1', { from: '10.0.0.66', claims: other }), 2000);
    assert.equal(memory.heard(3000)[0]?.facts.cluster, 'bravo');
    memory.refresh(sighting('dev1', { claims: other }), 2000);
    assert.equal(memory.heard(3000)[0]?.facts.cluster, 'alfa');
  });

  test('excludes the node itself', () => {
    const memory = createPeerMemory('me');
    learn(memory, sighting('me'), 1);
    assert.deepEqual(memory.heard(2), []);
  });

  test('keeps a node that announced its end unchanged, and never starts with such a packet', () => {
    const memory = createPeerMemory('me');
    memory.leave('dev2', 500);
    learn(memory, sighting('dev1'), 1000);
    memory.leave('dev1', 5000);
    const [peer, ...others] = memory.heard(6000);
    assert.deepEqual([peer?.lastHeard, peer?.addresses, others], [5000, [{ host, port: 5810 }], []]);
  });

  test('has a limit, and drops the node unheard for the longest time first', () => {
    const memory = createPeerMemory('me');
    for (let index = 0; index < 5000; index++) {
      learn(memory, sighting(`n${index}`), index);
      if (index % 1000 === 0) learn(memory, sighting('steady'), index);
    }
    const names = memory.heard(10_000).map(({ name }) => name);
    assert.equal(names.length, 4096);
    assert.ok(names.includes('steady'));
    assert.ok(names.includes('n4999'));
  });

  test('drops nodes without an announcement for a month', () => {
    const memory = createPeerMemory('me');
    learn(memory, sighting('dev1'), 0);
    assert.deepEqual(memory.heard(31 * 24 * 3600 * 1000), []);
  });

  test('outlives a restart, without the damaged parts of its file, and without unproven nodes', () => {
    const memory = createPeerMemory('me');
    learn(memory, sighting('dev1'), 1000);
    const saved = JSON.parse(memory.toJson());
    saved.nodes.push({ name: '../x' }, null, { ...saved.nodes[0], name: 'dev2', lastHeard: 'x' });
    const again = createPeerMemory('me');
    again.restore(JSON.stringify(saved));
    assert.deepEqual(again.heard(2000), memory.heard(2000));
    assert.throws(() => again.restore('[]'), /not such a file/);
    assert.deepEqual(again.heard(2000), memory.heard(2000), 'it keeps what it had');
    const first = createPeerMemory('me');
    first.restore(JSON.stringify({ ...saved, version: 1 }));
    assert.deepEqual(first.heard(2000), []);
  });
});

describe('two machines with one name', () => {
  const clone = (identity: string) => sighting(identity, { target: 'c.local', hosts: ['10.0.0.9'], from: '10.0.0.9' });

  test('are a duplicate if both prove it and the first is announced again', () => {
    const memory = createPeerMemory('me');
    learn(memory, sighting('dev1'), 1000);
    learn(memory, clone('dev1'), 2000);
    assert.deepEqual(memory.duplicates(2500), [], 'the node may only have moved');
    assert.equal(memory.isUnsure('dev1'), true);
    memory.refresh(sighting('dev1'), 3000);
    assert.equal(memory.isUnsure('dev1'), false);
    const duplicate = { identity: 'dev1', addresses: [host, '10.0.0.9'], since: 2000 };
    assert.deepEqual(memory.duplicates(4000), [duplicate]);
    assert.deepEqual(memory.duplicates(700_000), [], 'ten minutes after both were heard it is over');
  });

  test('do not count as a duplicate if a node has another address, or announces two of one machine', () => {
    const memory = createPeerMemory('me');
    learn(memory, sighting('dev1'), 1000);
    learn(memory, sighting('dev1', { hosts: ['10.1.0.1'], from: '10.1.0.1' }), 2000);
    memory.refresh(sighting('dev1'), 3000);
    assert.deepEqual(memory.duplicates(4000), []);
  });

  test('are a duplicate if one of them has taken an address that the other had before', () => {
    const memory = createPeerMemory('me');
    learn(memory, sighting('dev1', { hosts: ['10.0.0.9'], from: '10.0.0.9' }), 500);
    learn(memory, sighting('dev1'), 1000);
    learn(memory, clone('dev1'), 2000);
    memory.refresh(sighting('dev1'), 3000);
    assert.deepEqual(memory.duplicates(4000)[0]?.addresses, [host, '10.0.0.9']);
  });

  test('are named by the address that is valid everywhere, and recognised by each that they proved', () => {
    const memory = createPeerMemory('me');
    const local = { hosts: ['fe80::1%eth0'], from: 'fe80::1%eth0' };
    learn(memory, sighting('dev1', local), 900);
    learn(memory, sighting('dev1'), 1000);
    learn(memory, sighting('dev1', local), 1100);
    const addresses = memory.heard(1200)[0]?.addresses.map((one) => one.host);
    assert.deepEqual(addresses, [host, 'fe80::1%eth0']);
    learn(memory, clone('dev1'), 2000);
    assert.equal(memory.refresh(sighting('dev1', local), 3000), true, 'needs no other proof');
    assert.equal(memory.refresh(sighting('dev1'), 3000), true);
    assert.deepEqual(memory.duplicates(4000)[0]?.addresses, [host, '10.0.0.9']);
  });

  test('are a duplicate at once if one of them is this node', () => {
    const memory = createPeerMemory('me');
    learn(memory, clone('me'), 2000);
    assert.deepEqual(memory.duplicates(3000), [{ identity: 'me', addresses: ['10.0.0.9'], since: 2000 }]);
  });
});
