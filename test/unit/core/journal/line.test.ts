import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { followLines, hashText, journalStart, readLine } from '../../../../src/core/journal/line.ts';

const run = 'a'.repeat(32);
const stored = { lease: 'app', holders: ['dev1'] };
const first = { run, sequence: 1, previous: '', stored, entry: { type: 'x', at: 1 } };
const hash = 'b'.repeat(64);
const second = { run, sequence: 2, previous: hash, entry: { type: 'x', at: 1 } };
const read = (content: object) => readLine({ text: JSON.stringify(content) });

describe('a line of a journal', () => {
  for (const content of [
    first,
    second,
    { ...first, chain: [] },
    { ...second, chain: ['MII', 'MII'] },
    { ...first, stored: { ...stored, holders: ['1', '2', '3', '4', '5'] } },
  ]) {
    test(`is ${JSON.stringify(content).slice(32)}`, () => assert.deepEqual(read(content), content));
  }

  for (const [what, content] of [
    ['a run of another form', { ...first, run: 'A'.repeat(32) }],
    ['a run that is too short', { ...first, run: 'a'.repeat(31) }],
    ['a run that is too long', { ...first, run: 'a'.repeat(33) }],
    ['a run that is not a text', { ...first, run: 7 }],
    ['a list of one run', { ...first, run: [run] }],
    ['the number 0', { ...first, sequence: 0 }],
    ['an invalid number', { ...first, sequence: 1.5 }],
    ['a number as text', { ...first, sequence: '1' }],
    ['a line before that is not a digest', { ...second, previous: 'x'.repeat(64) }],
    ['a digest that is too short', { ...second, previous: 'b'.repeat(63) }],
    ['a line before that is not a text', { ...second, previous: null }],
    ['a list of lines before', { ...second, previous: [hash] }],
    ['no holders in the first line', { run, sequence: 1, previous: '', entry: first.entry }],
    ['holders in a later line', { ...second, stored }],
    ['holders that are not an object', { ...first, stored: 'dev1' }],
    ['holders that are null', { ...first, stored: null }],
    ['a lease that is not a text', { ...first, stored: { ...stored, lease: 7 } }],
    ['an empty list of holders', { ...first, stored: { ...stored, holders: [] } }],
    ['six holders', { ...first, stored: { ...stored, holders: ['1', '2', '3', '4', '5', '6'] } }],
    ['a holder that is not a text', { ...first, stored: { ...stored, holders: ['1', 2] } }],
    ['a chain that is not a list', { ...first, chain: 'MII' }],
    ['a certificate that is not a text', { ...first, chain: ['MII', 7] }],
    ['no entry', { ...first, entry: undefined }],
    ['an entry without a type', { ...first, entry: { at: 1 } }],
    ['an entry without a time', { ...first, entry: { type: 'x' } }],
    ['an entry whose time is a text', { ...first, entry: { type: 'x', at: '1' } }],
  ] as const) {
    test(`does not have ${what}`, () =>
      assert.throws(() => read(content), {
        code: 'bad-journal',
        message: 'a line of the journal is not what a run writes',
      }));
  }

  test('is JSON', () => {
    for (const text of ['', '{', '[]', '7', 'null'])
      assert.throws(() => readLine({ text }), { code: 'bad-journal' }, text);
    assert.throws(() => readLine({ text: '{' }), { message: 'a line of the journal is not JSON' });
  });

  test('is identified by the digest of its exact bytes', () => {
    assert.equal(hashText('ü'), createHash('sha256').update(Buffer.from('ü')).digest('hex'));
  });
});

describe('lines that continue a journal', () => {
  const text = (content: object) => ({ text: JSON.stringify(content) });
  const one = text(first);
  const two = text({ ...second, previous: hashText(one.text) });

  test('each name the one before, and give the new position of the journal', () => {
    assert.deepEqual(followLines(run, journalStart, []), { sequence: 0, hash: '' });
    const end = followLines(run, journalStart, [one]);
    assert.deepEqual(end, { sequence: 1, hash: hashText(one.text) });
    assert.deepEqual(followLines(run, end, [two]), { sequence: 2, hash: hashText(two.text) });
    assert.deepEqual(followLines(run, journalStart, [one, two]), followLines(run, end, [two]));
  });

  test('belong to that run, without gap or omission', () => {
    const refuse = (lines: readonly { text: string }[], message: RegExp) =>
      assert.throws(() => followLines(run, journalStart, lines), { code: 'bad-journal', message });
    refuse([text({ ...first, run: 'c'.repeat(32) })], /^the line is of the run c{32}, not of a{32}$/);
    refuse([two], /^line 2 does not continue line 0$/);
    refuse([one, one], /^line 1 does not continue line 1$/);
    refuse([one, text({ ...second, previous: hash })], /^line 2 does not continue line 1$/);
    refuse([one, text({ ...second, sequence: 3, previous: hashText(one.text) })], /^line 3 does not continue line 1$/);
  });
});
