import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDocument } from 'yaml';
import { startingFiles } from '../../../../../src/ca/starting-files.ts';
import { plainSettings } from '../../../../../src/core/files/yaml/plain-settings.ts';
import { holds, reached } from '../../../../support/property/property.ts';

function byYaml(text: string): unknown {
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true, version: '1.2' });
  assert.deepEqual([...document.errors, ...document.warnings], [], JSON.stringify(text));
  return document.toJS({ maxAliasCount: 100 }) ?? {};
}

test('plain settings are read without a parser of YAML', () => {
  const [{ content } = { content: '' }] = startingFiles({ kind: 'operator', name: 'rip' });
  for (const text of [
    String(content),
    '',
    '# “nothing”\n',
    'relay_socket: /run/a.sock # ours\ndiscovery:\n  # the list\n  method: file\n  sql:\n    url: "a # b"\n    list: [a, [], {}]\n\nrelays: [a.b=c:1, { name: d, address: e }]\ntimeout: 10\nempty: ""\nauto_relays: false\ninputs:\n    a: mailto:ops@x\n',
  ])
    assert.deepEqual(plainSettings(text), byYaml(text), text);
});

/** Mappings in mappings, each in its own line. */
const steps = (deep: number) => `${Array.from({ length: deep }, (_, level) => `${' '.repeat(level)}a:`).join('\n')} b`;

test('settings are read up to a depth and a length; what is deeper or longer is left to the parser', () => {
  const inLists = (deep: number) => `a: ${'['.repeat(deep)}b${']'.repeat(deep)}`;
  const inMaps = (deep: number) => `a: ${'{a: '.repeat(deep)}b${'}'.repeat(deep)}`;
  const named = (length: number) => `${'a'.repeat(length)}: b`;
  // A comment is cut off in one pass, however many spaces there are.
  const spaced = (length: number) => `a: b${' '.repeat(length - 4)}`;
  for (const [make, most] of [
    [inLists, 8],
    [inMaps, 8],
    [steps, 9],
    [named, 100],
    [spaced, 65_536],
  ] as const) {
    assert.deepEqual(plainSettings(make(most)), byYaml(make(most)), make(most).slice(0, 200));
    assert.equal(plainSettings(make(most + 1)), undefined);
  }
});

test('what YAML might read as something else, or refuse, is left to its parser', () => {
  for (const text of [
    ...[
      'a:',
      'a: null',
      'a: True',
      'a: 1.5',
      'a: 1e3',
      'a: 1_0',
      'a: 2026-01-01',
      'a: 0x1',
      'a: 01',
      'a: ~',
      'a: .inf',
      "a: 'b'",
      'a: "\\n"',
      'a: b c',
      'a: b:',
    ],
    ...[
      'a: &b c',
      'a: *b',
      'a: !b c',
      'a: |',
      'a: [b',
      'a: [b]c',
      'a: {b:c}',
      'a: {b: c, b: d}',
      'a: b,c',
      'a: [,]',
      'a: [b,]',
      'a: {b: c,}',
      'a: {b: c]',
      'a: {b:"c"}',
      'a: "b',
      'a: "',
    ],
    ...[
      'a:\nb: c',
      'a: b\na: c',
      'a: b\n  c: d',
      'a:\n  b: c\n d: e',
      ' a: b',
      'true: a',
      '- a',
      '---\na: b',
      'a: b\n...',
      'A: b',
      'a:\tb',
      'a: b\r\n',
    ],
    ...[
      'a: "b" # c',
      'a: "b"c',
      'a: {b: "c"d}',
      '{a: b}',
      'a b: c',
      'a : b',
      '\ufeffa: b',
      'a: {b: {c: {d: {e: {f: {g: {h: {i: {j: k}}}}}}}}}',
    ],
  ])
    assert.equal(plainSettings(text), undefined, text);
});

const scalar = fc.constantFrom('a', 'true', '0', '12', '/x.y', 'm:n@o', '"a: # b"', '[]', '[a, 1]', '{ a: b, c: [d] }');
const keys = ['a', 'b', 'c_1', 'nulls'];
/** The lines of a mapping: each key has a value, or a mapping below it. */
const mapping = (deepest: number): fc.Arbitrary<string[]> => {
  const below = deepest === 0 ? scalar : fc.oneof(scalar, mapping(deepest - 1));
  const settings = fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), below), {
    selector: ([key]) => key,
    minLength: 1,
    maxLength: 3,
  });
  return settings.map((all) =>
    all.flatMap(([key, value]) =>
      typeof value === 'string' ? [`${key}: ${value}`] : [`${key}:`, ...value.map((line) => `  ${line}`)],
    ),
  );
};
const edit = fc.tuple(
  fc.nat(60),
  fc.nat(2),
  fc.constantFrom(
    ...[
      '',
      ' ',
      '  ',
      '\n',
      ': ',
      ':',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      '#',
      ' # c',
      '-',
      '- ',
      '~',
      '.',
      "'",
      '&',
      '*',
      '!',
    ],
    ...['|', '>', '%', '@', '?', '? ', '<<', 'null', '1e3', '0x1', 'yes', '\t', '\\', '…', '\u2028', '---\n'],
  ),
);

test('what is read without a parser of YAML has the same values as with it', () => {
  const texts = fc.tuple(mapping(2), fc.array(edit, { maxLength: 1 }));
  holds(
    fc.property(texts, ([lines, edits]) => {
      let text = lines.join('\n');
      for (const [at, drop, piece] of edits) text = text.slice(0, at) + piece + text.slice(at + drop);
      const plain = plainSettings(text);
      if (plain === undefined) return;
      reached();
      assert.deepEqual(plain, byYaml(text), JSON.stringify(text));
    }),
  );
});
