import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, mock, test } from 'node:test';
import { findOtherProcesses } from '../../../../../src/agents/haproxy/runtime/other-processes.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { until } from '../../../../support/until.ts';

afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

for (const [what, ends] of [
  ['is found, with what it leads to unknown', false],
  ['is not found if it ends meanwhile', true],
] as const)
  test(`a HAProxy whose configuration cannot be read ${what}`, async (t) => {
    const directory = temporaryDirectory();
    const [program, file] = [join(directory, 'haproxy'), join(directory, 'haproxy.cfg')];
    // A program in place of HAProxy that runs with its arguments.
    symlinkSync('/usr/bin/tail', program);
    writeFileSync(file, '');
    const child = spawn(program, ['-f', file], { stdio: 'ignore' });
    t.after(() => child.kill());
    const pid = child.pid ?? 0;
    await until('it runs', async () => (await fs.readFile(`/proc/${pid}/comm`, 'utf8')) === 'haproxy\n', 0);
    mock.method(fs, 'readdir', async () => [String(pid)]);
    mock.method(fs, 'stat', async () => {
      if (ends && child.kill('SIGKILL')) await once(child, 'exit');
      throw new Error('it cannot be read');
    });
    syncBuiltinESMExports();
    const found = await findOtherProcesses([]);
    assert.deepEqual(
      found.map((one) => [one.pid, one.targets]),
      ends ? [] : [[pid, undefined]],
    );
  });
