import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mentions, parseHeader } from '../../../../../src/discovery/mdns/wire/header.ts';

/** A packet of that length whose header says so. */
function packet(
  length: number,
  { flags = 0, counts = [0, 0, 0, 0] }: { flags?: number; counts?: number[] } = {},
): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt16BE(flags, 2);
  counts.forEach((count, index) => {
    bytes.writeUInt16BE(count, 4 + index * 2);
  });
  return bytes;
}

describe('a header', () => {
  test('distinguishes a question from a reply, and counts its contents', () => {
    assert.deepEqual(parseHeader(packet(100, { counts: [1, 2, 1, 3] })), {
      kind: 'query',
      questions: 1,
      records: 6,
      authorities: 1,
    });
    assert.equal(parseHeader(packet(12, { flags: 0x8400 }))?.kind, 'response');
    assert.equal(parseHeader(packet(12, { flags: 0x0200 }))?.kind, 'query');
  });

  test('is ignored in a packet that is too short, too large, or carries an operation or an error', () => {
    assert.equal(parseHeader(Buffer.alloc(11)), undefined);
    assert.equal(parseHeader(packet(4097)), undefined);
    assert.equal(parseHeader(packet(12, { flags: 0x0800 })), undefined);
    assert.equal(parseHeader(packet(12, { flags: 0x8003 })), undefined);
  });

  test('is ignored if it promises more than the bytes contain, or more than is ever needed', () => {
    assert.equal(parseHeader(packet(12 + 21, { counts: [0, 2, 0, 0] })), undefined);
    assert.ok(parseHeader(packet(12 + 22, { counts: [0, 2, 0, 0] })));
    assert.equal(parseHeader(packet(12 + 4, { counts: [1, 0, 0, 0] })), undefined);
    assert.equal(parseHeader(packet(4096, { counts: [0, 65, 0, 0] })), undefined);
    assert.equal(parseHeader(packet(4096, { counts: [17, 0, 0, 0] })), undefined);
    assert.equal(parseHeader(packet(4096, { counts: [0, 0xffff, 0xffff, 0xffff] })), undefined);
  });

  test('is followed by relevant records, in any case of letters', () => {
    assert.ok(mentions(Buffer.from('\x0b_MCO-Deploy\x04_tcp'), ['_mco-deploy']));
    assert.ok(!mentions(Buffer.from('\x05_http\x04_tcp'), ['_mco-deploy', '_dns-sd']));
  });
});
