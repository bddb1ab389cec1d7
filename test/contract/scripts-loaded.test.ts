import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const source = join(import.meta.dirname, '../../src');

test('the code for scripts is loaded only by what handles scripts, and commands load it when a script is named', () => {
  const loaders = globSync('**/*.ts', { cwd: source }).filter((file) => !file.startsWith('puppet/'));
  const wrong = loaders.filter((file) => {
    const text = readFileSync(join(source, file), 'utf8');
    return importsOf(text).some((name) => name.includes('/puppet/')) && !file.startsWith('client/scripts/');
  });
  assert.deepEqual(wrong, []);
  const own = loaders.filter((file) => file.startsWith('client/scripts/'));
  const loading = own.filter((file) =>
    importsOf(readFileSync(join(source, file), 'utf8')).some((name) => name.includes('/puppet/')),
  );
  assert.ok(loading.length > 0, 'an import of it is recognized');
  const early = loaders.filter((file) => {
    if (file.startsWith('client/scripts/')) return false;
    const text = readFileSync(join(source, file), 'utf8');
    return importsOf(text).some((name) => /\/scripts\/(?!names\.ts)/.test(name));
  });
  assert.deepEqual(early, [], 'load it by import() where a script is named');
});

/** Static imports that are there at run time. */
function importsOf(text: string): string[] {
  const found = text.matchAll(/^(?:import|export) (?!type )[^;]*? from '([^']+)'/gm);
  return [...found].map(([, name = '']) => name);
}
