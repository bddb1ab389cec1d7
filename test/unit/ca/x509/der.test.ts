import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  element,
  encodeTime,
  integer,
  integerOf,
  readChildren,
  readElement,
  readHexInteger,
  readOnly,
  readTime,
  requireTag,
  tags,
} from '../../../../src/ca/x509/der.ts';
import { makeKeyPair, requireP256 } from '../../../../src/ca/x509/keys.ts';
import { decodePem, encodePem } from '../../../../src/ca/x509/pem.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const hex = (buffer: Uint8Array) => Buffer.from(buffer).toString('hex');
const damaged = { code: 'bad-der' };

describe('an element of DER', () => {
  test('is read with its tag, its content and no more', () => {
    const read = readElement(bytes('04 02 aabb cc'));
    assert.deepEqual([read.tag, hex(read.content), hex(read.whole)], [4, 'aabb', '0402aabb']);
    assert.equal(readElement(bytes('05 00')).content.length, 0);
  });

  test('is written with the shortest length, and read again at every size', () => {
    for (const [size, head] of [
      [0, '0400'],
      [127, '047f'],
      [128, '048180'],
      [255, '0481ff'],
      [256, '04820100'],
      [65_535, '0482ffff'],
      [65_536, '0483010000'],
    ] as const) {
      const written = element(tags.octetString, Buffer.alloc(size, 7));
      assert.equal(hex(written).slice(0, head.length), head);
      assert.equal(readOnly(written, tags.octetString).content.length, size);
    }
    assert.equal(hex(element(0x30, bytes('0500'), bytes('0101ff'))), '300505000101ff');
  });

  test('is refused in forms that DER does not allow, or that end early', () => {
    for (const text of [
      '',
      '04',
      '0480',
      '04 01',
      '04 81',
      '04 82 01',
      '04 85 00 00 00 00 01 aa',
      '1f 01 aa',
      '04 03 aabb',
      '04 81 80 aa',
    ]) {
      assert.throws(() => readElement(bytes(text)), damaged, text);
    }
    assert.equal(readElement(bytes('04 84 00 00 00 01 aa')).content.length, 1);
  });

  test('may have to be the only one, or of a kind', () => {
    assert.equal(hex(readOnly(bytes('0401aa'), 4).content), 'aa');
    assert.throws(() => readOnly(bytes('0401aabb'), 4), damaged);
    assert.throws(() => readOnly(bytes('0401aa'), 5), damaged);
    const one = readElement(bytes('0401aa'));
    assert.equal(requireTag(one, 3, 4), one);
    assert.throws(() => requireTag(one, 3, 5), damaged);
    assert.throws(() => requireTag(undefined, 4), damaged);
  });

  test('has children up to its end', () => {
    const children = readChildren(readElement(bytes('30 05 0101ff 0500')));
    assert.deepEqual(
      children.map(({ tag, content }) => [tag, hex(content)]),
      [
        [1, 'ff'],
        [5, ''],
      ],
    );
    assert.deepEqual(readChildren(readElement(bytes('3000'))), []);
    assert.throws(() => readChildren(readElement(bytes('3003 0102ff'))), damaged);
  });
});

describe('an integer of DER', () => {
  const read = (text: string) => readHexInteger(readElement(bytes(text)));

  test('is read as X509Certificate writes a serial', () => {
    assert.deepEqual(['020101', '02020080', '020200ab', '020100', '0203000001', '02020abc'].map(read), [
      '01',
      '80',
      'AB',
      '00',
      '01',
      '0ABC',
    ]);
    assert.equal(read(`0215${'01'.repeat(21)}`), '01'.repeat(21));
    assert.throws(() => read(`0216${'01'.repeat(22)}`), damaged);
    assert.throws(() => read('0200'), damaged);
    assert.throws(() => read('040101'), damaged);
  });

  test('is written as a positive one', () => {
    const cases: [number, string][] = [
      [0, '020100'],
      [1, '020101'],
      [127, '02017f'],
      [128, '02020080'],
      [255, '020200ff'],
      [256, '02020100'],
      [4096, '02021000'],
      [32_768, '0203008000'],
    ];
    for (const [number, text] of cases) assert.equal(hex(integer(number)), text, String(number));
    assert.deepEqual([hex(integerOf(bytes('7f01'))), hex(integerOf(bytes('8001')))], ['02027f01', '0203008001']);
  });
});

describe('a time of DER', () => {
  const time = (tag: number, text: string) => readTime(readElement(element(tag, Buffer.from(text))));

  test('is of this century below 50, and has four digits of the year from 2050 on', () => {
    assert.equal(time(tags.utcTime, '491231235959Z'), Date.UTC(2049, 11, 31, 23, 59, 59));
    assert.equal(time(tags.utcTime, '500101000000Z'), Date.UTC(1950, 0, 1));
    assert.equal(time(tags.generalizedTime, '20500101000000Z'), Date.UTC(2050, 0, 1));
    for (const at of [
      Date.UTC(2026, 1, 3, 4, 5, 6),
      Date.UTC(2049, 11, 31, 23, 59, 59),
      Date.UTC(2050, 0, 1),
      Date.UTC(2123, 4, 6),
    ]) {
      assert.equal(readTime(readElement(encodeTime(at))), at);
    }
    assert.deepEqual(
      [Date.UTC(2049, 11, 31), Date.UTC(2050, 0, 1)].map((at) => readElement(encodeTime(at)).tag),
      [tags.utcTime, tags.generalizedTime],
    );
  });

  test('is refused in any other form', () => {
    for (const [tag, text] of [
      [tags.utcTime, '20500101000000Z'],
      [tags.generalizedTime, '500101000000Z'],
      [tags.utcTime, '5001010000Z'],
      [tags.utcTime, '500101000000'],
      [tags.utcTime, '501301000000Z'],
      [tags.generalizedTime, '20500101000000+0100'],
      [tags.octetString, '500101000000Z'],
    ] as const) {
      assert.throws(() => time(tag, text), damaged, text);
    }
  });
});

describe('a PEM text', () => {
  test('has each of its blocks, whatever is around them', () => {
    const [one, two] = [Buffer.alloc(100, 1), Buffer.alloc(3, 2)];
    const text = `before\n${encodePem(one, 'X')}between\n${encodePem(Buffer.alloc(1), 'Y')}${encodePem(two, 'X')}after`;
    assert.deepEqual(decodePem(text, 'X'), [one, two]);
    assert.deepEqual([decodePem('', 'X'), decodePem('-----BEGIN X-----\nAAAA\n', 'X')], [[], []]);
    const lines = encodePem(one, 'X').split('\n');
    assert.deepEqual(
      [lines[0], lines[1]?.length, lines.at(-2), lines.at(-1)],
      ['-----BEGIN X-----', 64, '-----END X-----', ''],
    );
  });
});

describe('a key', () => {
  test('is accepted only if it is ECDSA over P-256', () => {
    requireP256(makeKeyPair().publicKey, 'it');
    const others: [Parameters<typeof requireP256>[0], RegExp][] = [
      [
        generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey,
        /the key of it is secp384r1, not ECDSA over P-256/,
      ],
      [generateKeyPairSync('ed25519').publicKey, /the key of it is ed25519/],
    ];
    for (const [key, message] of others) assert.throws(() => requireP256(key, 'it'), { code: 'bad-key', message });
  });
});
