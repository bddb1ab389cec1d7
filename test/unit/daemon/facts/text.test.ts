import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { keepRepresentable } from '../../../../src/daemon/facts/representable.ts';
import { decodeFacts, parseJsonFacts, parsePrintedFacts, parseYamlFacts } from '../../../../src/daemon/facts/text.ts';

const nested = (levels: number): unknown => (levels === 0 ? 'x' : { a: nested(levels - 1) });

describe('facts', () => {
  test('keep every value of JSON as it is', () => {
    const facts = { a: 'x', b: 1.5, c: -3, d: true, e: null, f: [1, ['y']], g: { h: {} } };
    assert.deepEqual(keepRepresentable(facts), { facts, lost: [], notes: [] });
  });

  test('lose a value that is none, or whose name reaches a prototype, and nothing else', () => {
    const given = JSON.parse('{"a": 1, "__proto__": {"b": 2}, "c": {"constructor": 3, "d": 4}}');
    const { facts, lost } = keepRepresentable({ ...given, e: [undefined, 5], f: () => 1, prototype: 6 });
    assert.deepEqual(facts, { a: 1, c: { d: 4 }, e: [5] });
    assert.deepEqual(
      lost.map(({ key, why }) => `${key}: ${why}`),
      [
        '__proto__: its name is reserved',
        'c.constructor: its name is reserved',
        'e.0: it is not a value',
        'f: it is not a value',
        'prototype: its name is reserved',
      ],
    );
  });

  test('lose a text or a name that is not UTF-8, and nothing else', () => {
    const { text, isWhole } = decodeFacts(
      Buffer.from('# Größe\ncluster: bravo\ncity: Köln\nKöln: 1\na: {b: [ü, 2]}\n', 'latin1'),
    );
    const { facts, lost } = parseYamlFacts(text, isWhole);
    assert.deepEqual(facts, { cluster: 'bravo', a: { b: [2] } });
    assert.deepEqual(
      lost.map(({ key, why }) => `${key}: ${why}`),
      ['city: it is not UTF-8 text', 'K\ufffdln: its name is not UTF-8 text', 'a.b.0: it is not UTF-8 text'],
    );
    const written = decodeFacts(Buffer.from('{"a": "\ufffd", "b": "ü"}'));
    assert.deepEqual(parseJsonFacts(written.text, written.isWhole).facts, { a: '\ufffd', b: 'ü' });
    const broken = decodeFacts(Buffer.from('{"a": "ü", "b": 1}', 'latin1'));
    assert.deepEqual(parseJsonFacts(broken.text, broken.isWhole).facts, { b: 1 });
  });

  test('that a program prints lose a text that is not UTF-8, too', () => {
    for (const text of ['a=caf\ufffd\nb=2', '{"a": "caf\ufffd", "b": "2"}', 'a: caf\ufffd\nb: "2"\n']) {
      assert.deepEqual(parsePrintedFacts(text).facts, { b: '2' }, text);
    }
  });

  test('are read with a carriage return in a comment or a text', () => {
    assert.deepEqual(parseYamlFacts('# one\rmore\na: 1\n').facts, { a: 1 });
  });

  test('that are text of another kind are refused as what they are', () => {
    const utf16 = Buffer.from('\ufeffcluster: bravo\n', 'utf16le');
    assert.throws(() => decodeFacts(utf16), /^Error: it is UTF-16 text: save it as UTF-8$/);
    assert.throws(
      () => parseYamlFacts('cluster: bravo\rrole: web\r'),
      /line 1 has a carriage return that does not end it/,
    );
    assert.deepEqual(parseYamlFacts('\ufeffcluster: bravo\r\nrole: web\r\n').facts, { cluster: 'bravo', role: 'web' });
    assert.deepEqual(parseJsonFacts('{"a":\r1}').facts, { a: 1 });
    assert.throws(() => parseJsonFacts('// c\n{"a": 1}'), /^Error: it is not JSON \([^\n]*\)$/);
  });

  test('may be nested 28 levels deep, not 29', () => {
    assert.deepEqual(keepRepresentable(nested(28)).lost, []);
    const [deeper] = keepRepresentable(nested(29)).lost;
    assert.deepEqual([deeper?.key.split('.').length, deeper?.why], [29, 'it is nested deeper than 28 levels']);
    const long = keepRepresentable({ ['n'.repeat(300)]: undefined }).lost;
    assert.equal(long[0]?.key.length, 200, 'a long name is cut in the report');
  });

  test('that JSON cannot carry exactly become text, with a note', () => {
    const { facts, notes } = keepRepresentable({
      a: Number.MAX_SAFE_INTEGER,
      b: 2 ** 53,
      c: { d: 10n ** 20n },
      e: Number.POSITIVE_INFINITY,
      f: 1e-9,
      g: Number.MIN_SAFE_INTEGER,
    });
    assert.deepEqual(facts, {
      a: Number.MAX_SAFE_INTEGER,
      b: '9007199254740992',
      c: { d: '100000000000000000000' },
      e: 'Infinity',
      f: 1e-9,
      g: Number.MIN_SAFE_INTEGER,
    });
    assert.deepEqual(
      notes.map((note) => note.split(' ')[0]),
      ['b', 'c.d', 'e'],
    );
    assert.match(notes[0] ?? '', /is a number that JSON cannot carry exactly: it is kept as text/);
  });

  test('are a mapping with at most a million values', () => {
    for (const value of [[], 'x', null, 3]) assert.throws(() => keepRepresentable(value), /not a mapping/);
    const thousand = Array.from({ length: 1000 }, () => 1);
    const many = Array.from({ length: 1000 }, () => thousand);
    assert.throws(() => keepRepresentable({ many }), /more than 1000000 values/);
  });
});

describe('facts in JSON', () => {
  test('keep numbers as written', () => {
    const { facts, notes } = parseJsonFacts(
      '\ufeff{"a": 12345678901234567890, "b": 1e400, "c": 7, "d": 0.5, "e": "1"}',
    );
    assert.deepEqual(facts, { a: '12345678901234567890', b: '1e400', c: 7, d: 0.5, e: '1' });
    assert.equal(notes.length, 1);
  });

  test('may be an empty file, and are refused with the reason otherwise', () => {
    assert.deepEqual(parseJsonFacts('').facts, {});
    assert.throws(() => parseJsonFacts('{"a": }'), /it is not JSON \(.*Unexpected token/);
    assert.throws(() => parseJsonFacts('['.repeat(200_000)), /it is nested too deep|it is not JSON/);
  });
});

describe('facts in YAML', () => {
  const read = (text: string) => parseYamlFacts(text);

  test('are the values of a Puppet agent’s own file', () => {
    const text =
      '--- !ruby/object:Puppet::Node::Facts\nname: n1\nvalues:\n  cluster: bravo\n  :sym: :other\n  quoted: ":kept"\n';
    assert.deepEqual(read(text).facts, { cluster: 'bravo', sym: 'other', quoted: ':kept' });
    assert.deepEqual(read('').facts, {});
    assert.deepEqual(read('name: n1\nvalues: {a: 1}\n').facts, { name: 'n1', values: { a: 1 } });
  });

  test('keep what a number or a date was written as', () => {
    const { facts, notes } = read(
      'a: 9007199254740993\nb: 9007199254740991\nc: .inf\nd: 1.5\ne: -9007199254740991\n1: x\n',
    );
    assert.deepEqual(facts, {
      1: 'x',
      a: '9007199254740993',
      b: 9007199254740991,
      c: '.inf',
      d: 1.5,
      e: -9007199254740991,
    });
    assert.equal(notes.length, 1);
  });

  test('know aliases, merged mappings and duplicate keys, of which the last counts', () => {
    const { facts, notes } = read('base: &b {x: 1, y: 1}\nother: {<<: *b, y: 2}\nagain: *b\nbase2: 1\nbase2: 2\n');
    assert.deepEqual(facts, { base: { x: 1, y: 1 }, other: { x: 1, y: 2 }, again: { x: 1, y: 1 }, base2: 2 });
    assert.deepEqual(notes, ['base2 occurs twice: the last value counts']);
    assert.deepEqual(read('"<<": 1\n').facts, { '<<': 1 }, 'a quoted name is not a merge');
  });

  test('have the items of an ordered mapping, and the members of a set', () => {
    const { facts } = read('a: !!omap [x: 1, y: [2]]\nb: !!set {z}\n');
    assert.deepEqual(facts, { a: [{ x: 1 }, { y: [2] }], b: { z: null } });
  });

  test('have the text of bytes, or their base64', () => {
    const bytes = Buffer.from([0xff, 0xfe]).toString('base64');
    const { facts, notes } = read(`a: !binary |-\n  aGVs\n  bG8=\nb: !!binary ${bytes}\n`);
    assert.deepEqual(facts, { a: 'hello', b: bytes });
    assert.deepEqual(notes, ['b holds bytes that are not text: they are kept in base64']);
  });

  test('lose only what cannot be a fact', () => {
    const { facts, lost } = read('[a]: 1\n__proto__: 2\nb: 3\nc:\n  ? {d: 1}\n  : 4\n  e: 5\n');
    assert.deepEqual(facts, { b: 3, c: { e: 5 } });
    assert.deepEqual(
      lost.map(({ key, why }) => `${key}: ${why}`),
      ['?: its name is a list or a mapping', 'c.?: its name is a list or a mapping', '__proto__: its name is reserved'],
    );
    const deep = `a: ${'['.repeat(70)}${']'.repeat(70)}\n`;
    assert.match(
      read(deep)
        .lost.map(({ why }) => why)
        .join(),
      /nested deeper than \d+ levels/,
    );
  });

  test('are refused in one line if they are not YAML', () => {
    assert.throws(
      () => read('a: "b\n'),
      (error: Error) => !error.message.includes('\n') && error.message !== '',
    );
  });
});

describe('facts that a program prints', () => {
  test('are JSON, lines with “=”, or YAML', () => {
    assert.deepEqual(parsePrintedFacts('\n {"a": 1}\n').facts, { a: 1 });
    assert.deepEqual(parsePrintedFacts('a=1\r\n\nb.c=x=y\n').facts, { a: '1', 'b.c': 'x=y' });
    assert.deepEqual(parsePrintedFacts('a: 1\nb=c: 2\n').facts, { a: 1, 'b=c': 2 });
    assert.deepEqual(parsePrintedFacts('').facts, {});
  });

  test('have names of at most 200 characters in a line with “=”', () => {
    const name = 'n'.repeat(200);
    assert.deepEqual(parsePrintedFacts(`${name}=1`).facts, { [name]: '1' });
    assert.throws(() => parsePrintedFacts(`${name}n=1`), /not a mapping/);
  });
});
