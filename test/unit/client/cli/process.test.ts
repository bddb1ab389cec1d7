import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runProgram } from '../../../support/program/run-program.ts';

const context = pathToFileURL('src/client/cli/process.ts').href;

test('a command runs to its end, also while it waits for something that does not keep Node running', async () => {
  const program = `
    const { startContext } = await import('${context}');
    const { out, exit } = startContext();
    setTimeout(() => {
      out('done');
      exit(7);
    }, 50).unref();`;
  const { code, out } = await runProgram(process.execPath, ['--input-type=module', '--eval', program]);
  assert.deepEqual([code, out.trim()], [7, 'done']);
});
