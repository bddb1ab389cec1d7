import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as codecs from '../../../../src/core/wire/codec.ts';

const { protocolVersion, ...all } = codecs;

describe('a message on the wire', () => {
  test('belongs to version 1 of the protocol', () => {
    assert.equal(protocolVersion, 1);
    assert.equal(Object.keys(all).length, 14);
  });

  for (const [name, codec] of Object.entries(all)) {
    const message = name.replace(/Codec$/, '').replace(/^./, (first) => first.toUpperCase());

    test(`that is a ${message} is read back, and one that cannot be decoded is refused by its name`, () => {
      const read = codec.decode(Buffer.alloc(0));
      assert.deepEqual(codec.decode(codec.encode(read as never)), read);
      // A field whose length is more than what follows (Protocol Buffers, “Message Structure”).
      const cut = Buffer.from([0x0a, 0x7f, 0x01]);
      assert.throws(() => codec.decode(cut), {
        code: 'malformed-message',
        message: `the ${message} cannot be decoded`,
      });
    });
  }
});
