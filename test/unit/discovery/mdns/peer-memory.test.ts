import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createPeerMemory } from '../../../../src/discovery/mdns/peer-memory.ts';

const claims = { agents: ['rpcutil'], classes: ['web'], facts: { cluster: 'bravo' } };

function answer(identity: string, more: object = {}) {
  return { identity, instance: identity, target: 'h.local', port: 5810, addresses: [], claims, leaves: false, ...more };
}

describe('the memory of peers', () => {
  test('keeps who was heard, where, as what and when', () => {
    const memory = createPeerMemory('me');
    memory.hear(answer('dev1'), ['10.0.0.1'], 1000);
    assert.deepEqual(memory.heard(2000), [
      { name: 'dev1', addresses: [{ host: '10.0.0.1', port: 5810 }], ...claims, lastHeard: 1000 },
    ]);
  });

  test('leaves the node itself out', () => {
    const memory = createPeerMemory('me');
    memory.hear(answer('me'), ['10.0.0.1'], 1);
    assert.deepEqual(memory.heard(2), []);
  });

  test('knows a node that said good-bye, as it was', () => {
    const memory = createPeerMemory('me');
    memory.hear(answer('dev1'), ['10.0.0.1'], 1000);
    memory.hear(answer('dev1', { leaves: true, claims: undefined }), [], 5000);
    const [peer] = memory.heard(6000);
    assert.equal(peer?.lastHeard, 5000);
    assert.deepEqual(peer?.addresses, [{ host: '10.0.0.1', port: 5810 }]);
    assert.deepEqual(peer?.facts, claims.facts);
  });

  test('is not begun by a good-bye', () => {
    const memory = createPeerMemory('me');
    memory.hear(answer('dev1', { leaves: true }), [], 1);
    assert.deepEqual(memory.heard(2), []);
  });

  test('stays bounded under a flood of names, and lets the longest unheard go first', () => {
    const memory = createPeerMemory('me');
    for (let index = 0; index < 10_000; index++) {
      memory.hear(answer(`n${index}`), ['10.0.0.1'], index);
      if (index % 1000 === 0) memory.hear(answer('steady'), ['10.0.0.1'], index);
    }
    const names = memory.heard(10_000).map(({ name }) => name);
    assert.equal(names.length, 4096);
    assert.ok(names.includes('steady'));
    assert.ok(names.includes('n9999'));
  });

  test('lets go who was not heard of for a month', () => {
    const memory = createPeerMemory('me');
    memory.hear(answer('dev1'), ['10.0.0.1'], 0);
    assert.deepEqual(memory.heard(31 * 24 * 3600 * 1000), []);
  });

  test('outlives a restart, without what is broken in its file', () => {
    const memory = createPeerMemory('me');
    memory.hear(answer('dev1'), ['10.0.0.1'], 1000);
    const saved = JSON.parse(memory.toJson());
    saved.nodes.push({ name: '../x' }, null, { ...saved.nodes[0], name: 'dev2', lastHeard: 'x' });
    const again = createPeerMemory('me');
    again.restore(JSON.stringify(saved));
    assert.deepEqual(again.heard(2000), memory.heard(2000));
    assert.throws(() => again.restore('[]'));
  });
});
