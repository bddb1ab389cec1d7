import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const repository = join(import.meta.dirname, '../../..');
const model = readFileSync(join(repository, 'docs/security-model.md'), 'utf8');
const rows = rowsOf(/^\| (\d+) \| .* \| ([^|]+) \|$/gm);
const relayRows = rowsOf(/^\| R(\d+) \| .* \| ([^|]+) \|$/gm);
const publishRows = rowsOf(/^\| P(\d+) \| .* \| ([^|]+) \|$/gm);

function rowsOf(row: RegExp) {
  return [...model.matchAll(row)].map(([, number, shown = '']) => ({
    number: Number(number),
    tests: shown.split('<br>').map((entry) => /^`([^`]+)`: (.+)$/.exec(entry) ?? []),
  }));
}

test('the security model names existing tests for each of its twenty cases', () => {
  assert.deepEqual(
    rows.map(({ number }) => number),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
  assert.deepEqual(missingTests(rows), []);
});

test('the security model names existing tests for each of at least twenty attacks by a hostile relay', () => {
  assert.ok(relayRows.length >= 20);
  assert.deepEqual(
    relayRows.map(({ number }) => number),
    relayRows.map((_, index) => index + 1),
  );
  assert.deepEqual(missingTests(relayRows), []);
});

test('the security model names existing tests for each attack on a published artifact', () => {
  assert.ok(publishRows.length >= 12);
  assert.deepEqual(
    publishRows.map(({ number }) => number),
    publishRows.map((_, index) => index + 1),
  );
  assert.deepEqual(missingTests(publishRows), []);
});

test('the security model names existing tests for each attack on a change of the configuration', () => {
  const changes = rowsOf(/^\| C(\d+) \| .* \| ([^|]+) \|$/gm);
  assert.ok(changes.length >= 15);
  assert.deepEqual(missingTests(changes), []);
});

function missingTests(cases: ReturnType<typeof rowsOf>): string[] {
  return cases.flatMap(({ number, tests }) =>
    tests
      .filter(([, file = '', title = '']) => !titlesIn(file).includes(title))
      .map(([entry]) => `case ${number}: ${entry ?? 'an entry that is none'}`),
  );
}

/** The titles as in the source, a template with its placeholders. */
function titlesIn(file: string): string[] {
  const path = join(repository, file);
  if (!file.endsWith('.test.ts') || !existsSync(path)) return [];
  const calls = readFileSync(path, 'utf8').matchAll(/^\s*test\(\s*(?:'([^'\n]*)'|`([^`\n]*)`)/gm);
  return [...calls].map(([, plain, template]) => plain ?? template ?? '');
}
