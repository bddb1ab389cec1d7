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

test('in a job of a CI system only a command of the program’s own is one', async () => {
  const program = `
    const { startContext } = await import('${context}');
    const { out, err, ciCommand, exit } = startContext();
    out('::error::out');
    err('  ::error::err');
    ciCommand('::error::own');
    exit(0);`;
  const env = { ...process.env, GITHUB_ACTIONS: 'true' };
  const { out, err } = await runProgram(process.execPath, ['--input-type=module', '--eval', program], { env });
  assert.equal(out, '\\u003a:error::out\n');
  assert.equal(err, '  \\u003a:error::err\n::error::own\n');
});
