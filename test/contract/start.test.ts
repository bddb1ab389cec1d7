import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/**
 * Modules that every start may load beside the project's own files: each takes time, even for `--version`.
 * Node.js has loaded fs and tty itself by then.
 */
const affordable = ['commander', 'node:fs', 'node:os', 'node:path', 'node:tty'];

test('a start loads only the names and descriptions of the commands', () => {
  const wrong = [...loadedBy(join(import.meta.dirname, '../../src/main.ts'))].filter(
    ([name]) => !affordable.includes(name),
  );
  assert.deepEqual(wrong, [], 'load it where the command runs, by import()');
});

/** Packages and Node's modules that a file loads at once, and over which files. */
function loadedBy(file: string, path: readonly string[] = [], seen = new Set<string>()): Map<string, string> {
  const found = new Map<string, string>();
  if (seen.has(file)) return found;
  seen.add(file);
  for (const name of importedBy(file)) {
    if (!name.startsWith('.')) found.set(name, [...path, file].map((one) => one.split('/src/')[1]).join(' → '));
    else for (const [other, over] of loadedBy(join(dirname(file), name), [...path, file], seen)) found.set(other, over);
  }
  return found;
}

/** Without imports of types, of which nothing is left when it runs. */
function importedBy(file: string): string[] {
  const imports = readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type )([^;]*?) from '([^']+)'/gm);
  return [...imports].filter(([, what = '']) => !/^\{(\s*type \w+,?)+\s*\}$/.test(what)).map(([, , name = '']) => name);
}
