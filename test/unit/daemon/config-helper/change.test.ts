import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../../src/core/json.ts';
import { sumOf } from '../../../../src/core/node-files/list.ts';
import { parseChange } from '../../../../src/daemon/config-helper/change.ts';
import { requireRights } from '../../../../src/daemon/config-helper/open-change.ts';

type Entry = { kind: string; name: string; content: unknown };
const fact = (name: string, content: unknown = 'rack: a\n'): Entry => ({
  kind: 'facts',
  name: `${name}.yaml`,
  content,
});
/** A change with the sums that belong to its files. */
const change = (files: readonly Entry[], more: object = {}) => {
  const sumFor = ({ content }: Entry) => (typeof content === 'string' ? sumOf(content) : '');
  const sums = files.map((file) => ({ kind: file.kind, name: file.name, sha256: sumFor(file) }));
  return { previous: '0'.repeat(64), files, sums, ...more } as unknown as JsonObject;
};
const refuses = (input: JsonObject, message: RegExp) =>
  assert.throws(() => parseChange(input), { code: 'invalid-input', message });

describe('a change of the configuration', () => {
  test('has up to 500 files of up to 512 KiB of text, each once', () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => fact(`f${index}`));
    assert.equal(parseChange(change(many(500))).files.length, 500);
    refuses(change(many(501)), /more than 500 files/);
    refuses(change([]), /no files/);
    assert.equal(parseChange(change([fact('a', 'x'.repeat(512 * 1024))])).files.length, 1);
    refuses(change([fact('a', 'x'.repeat(512 * 1024 + 1))]), /larger than 524288 bytes/);
    refuses(change([fact('a'), fact('a')]), /in it twice/);
    refuses(change([fact('a', 'a\0b')]), /NUL/);
    for (const content of [undefined, 1, {}, []]) refuses(change([fact('a', content ?? 0)]), /has no content/);
  });

  test('names the state that the operator saw', () => {
    for (const previous of [undefined, '', '0'.repeat(63), '0'.repeat(65), 'G'.repeat(64)]) {
      refuses(change([fact('a')], { previous }), /“previous” is not a sum/);
    }
  });

  test('has the sum of each of its files, and no others', () => {
    const one = { kind: 'facts', name: 'a.yaml', sha256: sumOf('rack: a\n') };
    const all = [
      undefined,
      [],
      [{ ...one, sha256: '' }],
      [{ ...one, kind: 'hooks' }],
      [{ ...one, name: 'b.yaml' }],
      [one, { ...one, name: 'b.yaml' }],
    ];
    for (const sums of all) refuses(change([fact('a')], { sums }), /“sums” does not list the files/);
    refuses(change([fact('a', null)], { sums: [one] }), /“sums”/);
    assert.equal(parseChange(change([fact('a', null)])).files[0]?.content, undefined);
  });

  test('needs a right for each kind of its files, whatever their order', () => {
    const settings = { restart: [], reload: [], patience: 1, clock_grace: 1, rights: { rip: ['facts' as const] } };
    requireRights('rip', ['facts', 'facts'], settings);
    for (const kinds of [['policies', 'facts'], ['facts', 'policies'], ['policies']]) {
      assert.throws(() => requireRights('rip', kinds, settings), {
        code: 'policy-denied',
        message: /write policies of/,
      });
    }
    for (const nobody of ['eve', 'constructor', '__proto__', '']) {
      assert.throws(() => requireRights(nobody, ['facts'], settings), { code: 'policy-denied' }, nobody);
    }
  });
});
