import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nameBytes, nameOf, readName } from '../../../../../src/discovery/mdns/wire/name.ts';

const label = (text: string) => Buffer.from(String.fromCharCode(text.length) + text);
const pointer = (to: number) => Buffer.of(0xc0 | (to >> 8), to & 0xff);
const end = Buffer.of(0);
const read = (...parts: Buffer[]) => readName(Buffer.concat(parts), 0);

describe('a name in a packet', () => {
  test('is its labels in lower case, each after its length, so that dots within a label differ from others', () => {
    const name = { text: '\x08dev1.net\x05local', end: 16 };
    assert.deepEqual(read(label('Dev1.NET'), label('local'), end, Buffer.of(9)), name);
    assert.equal(nameOf(['Dev1.NET', 'local']), name.text);
    assert.notEqual(nameOf(['dev1', 'net', 'local']), name.text);
    assert.deepEqual(readName(nameBytes(name.text), 0), name);
  });

  test('goes on where it points to, and ends behind its first pointer', () => {
    const packet = Buffer.concat([label('local'), end, label('tcp'), pointer(0), label('a'), pointer(7), Buffer.of(9)]);
    assert.deepEqual(readName(packet, 13), { text: '\x01a\x03tcp\x05local', end: 17 });
    assert.deepEqual(readName(packet, 7), { text: '\x03tcp\x05local', end: 13 });
  });

  test('points beyond the first 256 bytes, too', () => {
    const packet = Buffer.concat([Buffer.alloc(300), label('local'), end, pointer(300)]);
    assert.deepEqual(readName(packet, 307), { text: '\x05local', end: 309 });
  });

  test('is damaged if it has no end, or points to itself, forward or in a circle', () => {
    for (const [what, packet, start] of [
      ['no end', label('local'), 0],
      ['a label that is cut off', Buffer.of(9, 0x61), 0],
      ['a pointer that is cut off', Buffer.of(0, 0xc0), 1],
      ['nothing', Buffer.alloc(0), 0],
      ['behind the packet', end, 1],
      ['to itself', pointer(0), 0],
      ['to itself, from behind', Buffer.concat([pointer(0), pointer(0)]), 2],
      ['forward', Buffer.concat([pointer(2), end]), 0],
      ['in a circle', Buffer.concat([label('a'), pointer(0), pointer(0)]), 4],
    ] as const)
      assert.equal(readName(packet, start), undefined, what);
  });

  test('follows 127 pointers to pointers, as many as it can have labels, and no more', () => {
    // Each points to the one before, and the first one to the name's end.
    const chain = Buffer.concat([
      end,
      pointer(0),
      ...Array.from({ length: 127 }, (_, index) => pointer(1 + 2 * index)),
    ]);
    assert.deepEqual(readName(chain, 1 + 2 * 126), { text: '', end: 1 + 2 * 127 });
    assert.equal(readName(chain, 1 + 2 * 127), undefined);
  });

  test('has 255 bytes at most, with its end, and labels of 63', () => {
    const long = label('a'.repeat(63));
    const three = [long, long, long];
    assert.equal(read(...three, label('b'.repeat(61)), end)?.end, 255);
    assert.equal(read(...three, label('b'.repeat(62)), end), undefined);
    assert.equal(read(long, end)?.end, 65);
    assert.equal(read(Buffer.of(64), Buffer.alloc(64, 'a'), end), undefined);
    assert.equal(read(Buffer.of(0xbf), Buffer.alloc(0xbf, 'a'), end), undefined);
  });
});
