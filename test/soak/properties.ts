import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '../..');

/**
 * Runs every test of properties for so long all in all, each for its share.
 * @returns how many properties there were, and for how long each was tried
 * @throws when one does not hold: what it says on standard error repeats it
 */
export async function tryProperties(seconds: number): Promise<{ readonly properties: number; readonly each: number }> {
  const files = globSync('test/unit/**/*.test.ts', { cwd: repository }).filter((file) => callsIn(file) > 0);
  const properties = files.reduce((sum, file) => sum + callsIn(file), 0);
  const each = Math.max(5, Math.floor(seconds / properties));
  const argv = ['build/node24', '--test', '--test-concurrency=1', '--test-reporter=dot', ...files];
  const env = { ...process.env, MCO_FUZZ_SECONDS: String(each) };
  const child = spawn('sh', argv, { cwd: repository, stdio: ['ignore', 'ignore', 'inherit'], env });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, 'a property does not hold');
  return { properties, each };
}

function callsIn(file: string): number {
  return readFileSync(join(repository, file), 'utf8').match(/^ *(?:await )?holds\($/gm)?.length ?? 0;
}
