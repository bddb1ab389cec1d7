import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeText } from '../../../../src/core/files/decode.ts';

describe('the text of a file that a person wrote', () => {
  test('is UTF-8, with or without a byte order mark, and may be empty', () => {
    for (const text of ['', 'a', 'name: “é”\n', 'name: x\r\n'])
      for (const mark of ['', '\ufeff']) assert.equal(decodeText(Buffer.from(mark + text, 'utf8')), text);
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

  test('is refused with characters that a parser may skip or take for the end of a line, with the line', () => {
    for (const [text, message] of [
      ['a: 1\nb: \0\n', 'line 2 has a NUL byte: it is damaged, or no text'],
      ['# comment\ra: 1\r', 'line 1 has a carriage return that does not end it: save it with the line ends of Unix'],
      ['a: 1\r\r\n', 'line 1 has a carriage return that does not end it: save it with the line ends of Unix'],
    ] as const)
      assert.throws(() => decodeText(Buffer.from(text)), { message });
  });
});
