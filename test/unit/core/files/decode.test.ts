import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeText } from '../../../../src/core/files/decode.ts';

describe('the text of a file that a person wrote', () => {
  test('is UTF-8, with or without a byte order mark, and may be empty', () => {
    for (const text of ['', 'a', 'name: “é”\n', '\ufeffname: x\n'])
      assert.equal(decodeText(Buffer.from(text, 'utf8')), text);
  });

  test('is refused as UTF-16, with or without a byte order mark, in either order of bytes', () => {
    const little = Buffer.from('name: x\n', 'utf16le');
    const big = Buffer.from(little).swap16();
    const marked = [
      Buffer.concat([Buffer.from([0xff, 0xfe]), little]),
      Buffer.concat([Buffer.from([0xfe, 0xff]), big]),
    ];
    for (const bytes of [little, big, ...marked])
      assert.throws(() => decodeText(bytes), { message: 'it is UTF-16 text: save it as UTF-8' });
  });

  test('is refused in any other encoding, with the first line that shows it', () => {
    for (const [text, line] of [
      ['h\xe9', 1],
      ['name: x\nsay: h\xe9\nsay: \xe9\n', 2],
    ] as const)
      assert.throws(() => decodeText(Buffer.from(text, 'latin1')), {
        message: `line ${line} is not UTF-8 text: save it as UTF-8`,
      });
  });
});
