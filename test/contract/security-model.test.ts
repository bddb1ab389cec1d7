import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const repository = join(import.meta.dirname, '../..');
const model = readFileSync(join(repository, 'docs/security-model.md'), 'utf8');
const rows = [...model.matchAll(/^\| (\d+) \| .* \| ([^|]+) \|$/gm)].map(([, number, shown = '']) => ({
  number: Number(number),
  tests: shown.split('<br>').map((entry) => /^`([^`]+)`: (.+)$/.exec(entry) ?? []),
}));

test('the security model names, for each of its twenty cases, tests that exist', () => {
  assert.deepEqual(
    rows.map(({ number }) => number),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
  const missing = rows.flatMap(({ number, tests }) =>
    tests
      .filter(([, file = '', title = '']) => !titlesIn(file).includes(title))
      .map(([entry]) => `case ${number}: ${entry ?? 'an entry that is none'}`),
  );
  assert.deepEqual(missing, []);
});

/** As they stand in the source, a template with its placeholders. */
function titlesIn(file: string): string[] {
  const path = join(repository, file);
  if (!file.endsWith('.test.ts') || !existsSync(path)) return [];
  const calls = readFileSync(path, 'utf8').matchAll(/^\s*test\(\s*(?:'([^'\n]*)'|`([^`\n]*)`)/gm);
  return [...calls].map(([, plain, template]) => plain ?? template ?? '');
}
