import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, test } from 'node:test';
import { type ProcessTree, findProcessTree } from '../../../src/daemon/exec/process-tree.ts';
import { until } from '../../support/until.ts';

describe('the process tree of one process', () => {
  let child: ChildProcess;
  let family: ProcessTree;
  afterEach(() => family.kill());

  /** Runs a shell that says `ready` when its processes are there. */
  const start = async (script: string, mark: string) => {
    const env = { PATH: '/usr/bin:/bin', MARK: mark };
    child = spawn('/bin/sh', ['-c', `${script}\necho ready`], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    family = findProcessTree(child.pid ?? 0, `MARK=${mark}`);
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  };
  const quiet = '</dev/null >/dev/null 2>&1';
  /** Waits until there are so many; the last ones may still be on their way. */
  const counted = async (number: number) => {
    await until(`${number} processes`, () => family.count() === number);
  };

  test('includes processes of its session, and those that left it with its environment', async () => {
    await start(`sleep 60 ${quiet} & setsid sleep 60 ${quiet} & sleep 60 ${quiet} &`, 'a1');
    await counted(3);
    family.kill();
    await counted(0);
  });

  test('includes processes that cleared their environment, while their parent is included', async () => {
    await start(
      `env -i setsid sh -c 'sleep 60 & sleep 60 & wait' ${quiet} & ready() { echo ready; wait; }; ready; exit`,
      'a2',
    );
    await counted(4);
    family.kill();
    await counted(0);
  });

  test('is found even if its first process has ended before the search', async () => {
    const env = { PATH: '/usr/bin:/bin', MARK: 'a3' };
    child = spawn('/bin/sh', ['-c', `setsid sleep 60 ${quiet} &`], { detached: true, stdio: 'ignore', env });
    // It cannot be waited for meanwhile: nothing else runs in this process.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    family = findProcessTree(child.pid ?? 0, 'MARK=a3');
    await counted(1);
  });

  test('excludes processes of others, whatever they have in common', async () => {
    const stranger = spawn('sleep', ['60'], { env: { PATH: '/usr/bin:/bin', MARK: 'a45' }, stdio: 'ignore' });
    await start(`sleep 60 ${quiet} &`, 'a4');
    await counted(1);
    family.kill();
    await counted(0);
    assert.equal(stranger.exitCode, null);
    assert.ok(stranger.kill());
    await once(stranger, 'exit');
    assert.equal(stranger.signalCode, 'SIGTERM');
  });
});
