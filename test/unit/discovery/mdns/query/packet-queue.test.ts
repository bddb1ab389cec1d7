import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openPacketQueue } from '../../../../../src/discovery/mdns/query/packet-queue.ts';

const packet = { bytes: Buffer.alloc(0), interface: 'eth0' };

describe('packets that wait to be read', () => {
  test('are limited in number, and the flood of one sender does not keep the first of another out', () => {
    const queue = openPacketQueue();
    for (let count = 0; count < 10_000; count++) queue.add('10.0.0.9', packet);
    for (let count = 0; count < 10; count++) queue.add('10.0.0.1', packet);
    const read = new Map<string, number>();
    for (let next = queue.takeNext(false); next !== undefined; next = queue.takeNext(false)) {
      read.set(next.sender.address, (read.get(next.sender.address) ?? 0) + 1);
    }
    assert.deepEqual(Object.fromEntries(read), { '10.0.0.9': 8192, '10.0.0.1': 1 });
    assert.ok(queue.isEmpty());
  });
});
