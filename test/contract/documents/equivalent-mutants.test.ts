import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const repository = join(import.meta.dirname, '../../..');
const page = readFileSync(join(repository, 'docs/testing.md'), 'utf8');

test('each score of the mutation run is of files that exist', () => {
  const scored = [...page.matchAll(/^\| `(src[^`]+)` \| \d+/gm)].map(([, path = '']) => path.replace('/*.ts', ''));
  assert.ok(scored.length > 50);
  assert.deepEqual(
    scored.filter((path) => !existsSync(join(repository, path))),
    [],
  );
});

test('each equivalent mutant is of a statement that its file has', () => {
  const rows = [...page.matchAll(/^\| `(src\/[^`]+\.ts)` \| `+ ?(.+?) ?`+ \| `/gm)];
  assert.ok(rows.length > 200);
  const stale = rows
    .filter(([, file = '', statement = '']) => !textOf(file).includes(inOneLine(statement.replaceAll('\\|', '|'))))
    .map(([, file, statement]) => `${file}: ${statement}`);
  assert.deepEqual(stale, []);
});

function textOf(file: string): string {
  const path = join(repository, file);
  return existsSync(path) ? inOneLine(readFileSync(path, 'utf8')) : '';
}

function inOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
