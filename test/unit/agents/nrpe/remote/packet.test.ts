import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  longestText,
  makeQuery,
  type PacketVersion,
  packetLength,
  parseAnswer,
} from '../../../../../src/agents/nrpe/remote/packet.ts';
import { Problem } from '../../../../../src/core/errors.ts';

const versions: readonly PacketVersion[] = [2, 3, 4];

/** A response as NRPE's daemon sends it: its fields are those of nrpe's common.h. */
function response(version: PacketVersion, text: string, fields: { code?: number; type?: number; size?: number } = {}) {
  const { code = 0, type = 2, size = version === 2 ? 1036 : 16 + text.length + 1 + (version === 3 ? 3 : 0) } = fields;
  const packet = Buffer.alloc(size);
  packet.writeInt16BE(version, 0);
  packet.writeInt16BE(type, 2);
  packet.writeInt16BE(code, 8);
  if (version !== 2) packet.writeInt32BE(text.length + 1, 12);
  packet.write(text, version === 2 ? 10 : 16);
  packet.writeUInt32BE(crc32(packet), 4);
  return packet;
}

const refuses =
  (message: RegExp, code = 'nrpe-bad-answer') =>
  (problem: unknown) => {
    assert.ok(problem instanceof Problem && problem.code === code, String(problem));
    assert.match(`${problem.message} ${problem.hint}`, message);
    return true;
  };

describe('a query', () => {
  for (const version of versions) {
    test(`of version ${version} has the layout and the checksum of NRPE`, () => {
      const packet = makeQuery('check_load!15', version);
      assert.equal(packet.length, 1036, 'never shorter than one of version 2');
      assert.deepEqual([packet.readInt16BE(0), packet.readInt16BE(2), packet.readInt16BE(8)], [version, 1, 0]);
      const start = version === 2 ? 10 : 16;
      assert.equal(packet.subarray(start, start + 14).toString(), 'check_load!15\0');
      if (version !== 2) assert.equal(packet.readInt32BE(12), 1036 - 16 - (version === 3 ? 3 : 0));
      const sum = packet.readUInt32BE(4);
      packet.writeUInt32BE(0, 4);
      assert.equal(sum, crc32(packet));
    });
  }

  test('is as long as its text from version 3 on, with a NUL and the padding of its version', () => {
    const line = 'x'.repeat(2000);
    assert.deepEqual([makeQuery(line, 3).length, makeQuery(line, 4).length], [16 + 2001 + 3, 16 + 2001]);
    assert.equal(makeQuery(line, 4).readInt32BE(12), 2001);
  });

  test('of version 2 carries 1023 bytes and no more', () => {
    assert.equal(makeQuery('x'.repeat(1023), 2).length, 1036);
    assert.throws(
      () => makeQuery('x'.repeat(1024), 2),
      refuses(/cannot carry 1024 bytes set “packet: 4”/, 'bad-query'),
    );
  });
});

describe('an answer', () => {
  for (const version of versions) {
    test(`of version ${version} has the code and the text of the plugin`, () => {
      const packet = response(version, 'CRITICAL | a=1', { code: 2 });
      assert.equal(packetLength(packet, version), packet.length);
      assert.deepEqual(parseAnswer(packet, version), { code: 2, text: 'CRITICAL | a=1' });
    });
  }

  test('without a NUL ends with the packet', () => {
    const packet = response(4, 'abc');
    packet.writeInt32BE(3, 12);
    const whole = packet.subarray(0, 19);
    whole.writeUInt32BE(0, 4);
    whole.writeUInt32BE(crc32(whole), 4);
    assert.equal(parseAnswer(whole, 4).text, 'abc');
  });

  test('has a known length as soon as its header is there', () => {
    const packet = response(4, 'abc');
    assert.deepEqual(
      [0, 15, 16].map((length) => packetLength(packet.subarray(0, length), 4)),
      [undefined, undefined, 20],
    );
    assert.deepEqual([packetLength(Buffer.alloc(0), 2), packetLength(response(2, 'a'), 4)], [1036, 1036]);
  });

  test('may announce 64 KiB, and no more or less than nothing', () => {
    const announcing = (bytes: number) => {
      const start = response(4, '');
      start.writeInt32BE(bytes, 12);
      return () => packetLength(start, 4);
    };
    assert.equal(longestText, 65_536);
    assert.equal(announcing(longestText)(), 16 + longestText);
    assert.equal(announcing(0)(), 16);
    for (const bytes of [longestText + 1, -1]) {
      assert.throws(announcing(bytes), refuses(new RegExp(`it announces ${bytes} bytes`)));
    }
  });

  const damaged: [string, Buffer, PacketVersion, RegExp][] = [
    ['is empty', Buffer.alloc(0), 4, /there is none .*allowed_hosts/],
    ['ends in its header', response(4, 'abc').subarray(0, 15), 4, /it ends early/],
    ['ends in its text', response(4, 'abc').subarray(0, 19), 4, /it ends early/],
    ['of version 2 is short', response(2, 'abc').subarray(0, 1035), 2, /it ends early/],
    ['is of another version', response(2, 'abc'), 4, /version 2, not 4 set “packet” accordingly/],
    ['is a query', response(4, 'abc', { type: 1 }), 4, /it is not a response/],
    ['has a wrong checksum', Buffer.from(response(4, 'abc')).fill('x', 16, 17), 4, /its checksum is wrong/],
  ];
  for (const [title, packet, version, why] of damaged) {
    test(`is refused if it ${title}`, () => {
      assert.throws(() => parseAnswer(packet, version), refuses(why));
    });
  }
});
