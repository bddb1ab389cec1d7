import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, mock, type TestContext, test } from 'node:test';
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

/** A shell in place of HAProxy, which ends with its input. Its options are those of a shell, too. */
async function startShell(t: TestContext, ...argv: string[]): Promise<number> {
  const directory = temporaryDirectory();
  const program = join(directory, 'haproxy');
  symlinkSync('/bin/sh', program);
  const child = spawn(program, argv, { cwd: directory, stdio: ['pipe', 'ignore', 'ignore'] });
  t.after(() => child.stdin.end());
  await once(child, 'spawn');
  return child.pid ?? 0;
}

const pidsBeside = async (...known: number[]) => (await findOtherProcesses(known)).map(({ pid }) => pid);

test('a HAProxy that a reload with other files replaced is not another one', async (t) => {
  const earlier = await startShell(t, '-s', '-f', 'a.cfg');
  const beside = await startShell(t, '-s', '-f', 'b.cfg');
  const now = await startShell(t, '-sf', String(earlier), '-f', 'b.cfg');
  mock.method(fs, 'readdir', async () => [earlier, beside, now].map(String));
  syncBuiltinESMExports();
  assert.deepEqual(await pidsBeside(now), [beside]);
  assert.deepEqual(await pidsBeside(beside), [earlier, now]);
});

test('a HAProxy of another network is not another one: a container, whose requests come from elsewhere', async (t) => {
  const own = await startShell(t, '-s', '-f', 'a.cfg');
  const contained = await startShell(t, '-s', '-f', 'b.cfg');
  mock.method(fs, 'readdir', async () => [own, contained].map(String));
  let other = 'net:[1]';
  const { readlink } = fs;
  const look = async (path: string) => (path === `/proc/${contained}/ns/net` ? other : await readlink(path));
  mock.method(fs, 'readlink', look);
  syncBuiltinESMExports();
  assert.deepEqual(await pidsBeside(), [own], 'of the network of this process');
  assert.deepEqual(await pidsBeside(contained), [], 'of the network of the known one');
  other = await readlink('/proc/self/ns/net');
  assert.deepEqual(await pidsBeside(own), [contained]);
});
