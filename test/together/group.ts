// Runs the test files that the command line names in this one process, each as its own suite: a start of Node and what
// most tests import are paid for once. After each file, the process is as it was before it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { after, before, describe } from 'node:test';
import { forgetMocks, stateOfProcess } from './state-of-process.ts';

const tests = join(import.meta.dirname, '..');
// An import would take a turn, after which node:test no longer knows which suite it is in.
const load = createRequire(import.meta.url);

for (const path of process.argv.slice(2)) {
  describe(relative(tests, path), () => {
    let found: ReturnType<typeof stateOfProcess> | undefined;
    before(() => {
      found = stateOfProcess();
    });
    try {
      load(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
      throw new Error(
        `${path} awaits at its top level: do that in before(), or list the file in test/together/alone.ts`,
      );
    }
    after(() => {
      const state = stateOfProcess();
      forgetMocks();
      assert.deepEqual(state, found, 'the file has left the process as it found it');
    });
  });
}
