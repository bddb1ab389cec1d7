import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readImporters } from '../mutate/imports.ts';
import { runProgram } from '../support/program/run-program.ts';

const root = join(import.meta.dirname, '../..');
const files = [...readImporters(root)('test/support/points.ts').keys()].filter((file) =>
  /^test\/(unit|contract|protocol|process)\/.*\.test\.ts$/.test(file),
);
// A test that runs as part of another prints for that one, not for people.
const { NODE_TEST_CONTEXT: _inner, ...env } = process.env;

describe('the tests that try some points of a matrix, or some cases of a property', { concurrency: 2 }, () => {
  for (const file of files.sort()) {
    test(`${file} passes at every point`, async () => {
      const argv = ['--disable-warning=ExperimentalWarning', '--test', file];
      const every = { cwd: root, env: { ...env, MCO_EVERY_POINT: '1' } as Record<string, string>, timeout: 900_000 };
      const { code, out, err } = await runProgram(process.execPath, argv, every);
      assert.equal(code, 0, out + err);
    });
  }
});
