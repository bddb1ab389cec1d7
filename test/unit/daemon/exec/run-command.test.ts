import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { CommandOptions } from '../../../../src/core/ports.ts';
import { runCommand } from '../../../../src/daemon/exec/run-command.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { until } from '../../../support/until.ts';

/** Far beyond what these take. */
const timeout = 120_000;
const sh = (script: string, options: Partial<CommandOptions> = {}) =>
  runCommand(['/bin/sh', '-c', script], { timeout, ...options });

/** One that was killed stays in the table until its parent looks. */
function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe('a command', () => {
  test('has its exit code, or the signal that ended it, and both of its outputs', async () => {
    assert.deepEqual(await sh('echo out; echo err >&2; exit 3'), {
      code: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      truncated: false,
    });
    const killed = await sh('kill -KILL $$');
    assert.deepEqual([killed.code, killed.signal, killed.ended], [null, 'SIGKILL', undefined]);
  });

  test('is given its arguments as they are, without a shell, and nothing else of the environment', async () => {
    assert.equal((await runCommand(['echo', '$HOME', '`id`', '; ls'], { timeout })).stdout, '$HOME `id` ; ls\n');
    // Node passes this one on to every child, if it counts what its tests run.
    const environment = async (env?: Record<string, string>) =>
      (await runCommand(['/usr/bin/env'], { timeout, ...(env === undefined ? {} : { env }) })).stdout
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('NODE_V8_COVERAGE='));
    assert.deepEqual(await environment(), ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']);
    assert.deepEqual(await environment({ ONE: '1' }), ['ONE=1']);
    assert.equal((await sh('pwd', { cwd: '/usr' })).stdout, '/usr\n');
  });

  test('has its input, and may leave it unread; without one it has nothing to read', async () => {
    assert.equal((await sh('cat', { stdin: 'some text' })).stdout, 'some text');
    assert.equal((await sh('exit 0', { stdin: 'x'.repeat(200_000) })).code, 0);
    assert.equal((await sh('cat; echo end')).stdout, 'end\n');
  });

  test('is not begun if it does not exist, may not run, or was cancelled before', async () => {
    const ended = async (file: string, options: Partial<CommandOptions> = {}) => {
      const { ended: why, code, stdout } = await runCommand([file], { timeout, ...options });
      assert.deepEqual([code, stdout], [null, '']);
      return why;
    };
    assert.equal(await ended('/no/such/program'), 'not-found');
    assert.equal(await ended('/etc'), 'not-permitted');
    const script = join(temporaryDirectory(), 'script');
    writeFileSync(script, '#!/bin/sh\r\n', { mode: 0o755 });
    assert.equal(await ended(script), 'no-interpreter');
    assert.equal(await ended('/bin/echo', { signal: AbortSignal.abort() }), 'cancelled');
  });

  test('is ended with its whole group at its time, or when it is cancelled, whatever code it chose', async () => {
    const late = await sh('trap "exit 7" TERM; sleep 600 & wait', { timeout: 50 });
    assert.deepEqual([late.ended, late.code], ['timeout', null]);
    const cancelling = new AbortController();
    const cancelled = await sh('echo begun; sleep 600', {
      signal: cancelling.signal,
      onOutput: () => cancelling.abort(),
    });
    assert.deepEqual([cancelled.ended, cancelled.stdout], ['cancelled', 'begun\n']);
  });

  test('keeps as many bytes of each output as its limit, and reads on', async () => {
    const { stdout, stderr, truncated, code } = await sh('printf 123456; printf 12345 >&2; exit 4', { limit: 5 });
    assert.deepEqual([stdout, stderr, truncated, code], ['12345', '12345', true, 4]);
    assert.equal((await sh('printf 12345', { limit: 5 })).truncated, false);
    assert.equal((await sh('printf 123456 >&2', { limit: 5 })).truncated, true);
    const usual = await sh('head -c 70000 /dev/zero');
    assert.deepEqual([usual.stdout.length, usual.truncated], [65_536, true]);
  });

  test('passes on its lines as they come; a long one in parts of 4096 characters, however it arrives', async () => {
    const lines: string[] = [];
    await sh('printf "a\\n\\nb\\303"; printf "\\251"', { onOutput: (line) => lines.push(line) });
    assert.deepEqual(lines, ['a', '', 'bé']);
    for (const end of ['', '; echo; echo z']) {
      const parts: number[] = [];
      await sh(`head -c 100000 /dev/zero | tr "\\0" x${end}`, { onOutput: (line) => parts.push(line.length) });
      const whole = Array.from({ length: 24 }, () => 4096);
      assert.deepEqual(parts, [...whole, 100_000 - 24 * 4096, ...(end === '' ? [] : [1])]);
    }
  });

  test('has ended when its process has, although another one holds its output', async () => {
    const { code, stdout } = await sh('sleep 30 & echo $!; exit 4');
    assert.equal(code, 4);
    // It still runs: nobody has waited for its end.
    process.kill(Number(stdout), 'SIGKILL');
  });

  test('with a mark is ended with the processes that left its group, and if it has too many', async () => {
    const marked = { env: { PATH: '/usr/bin:/bin', RUN_MARK: String(process.pid) }, mark: `RUN_MARK=${process.pid}` };
    const cancelling = new AbortController();
    const left = await sh('setsid sleep 600 & echo $!; wait', {
      ...marked,
      signal: cancelling.signal,
      onOutput: () => cancelling.abort(),
    });
    assert.equal(left.ended, 'cancelled');
    await until('the process that left the group has ended', () => !isAlive(Number(left.stdout)));
    const many = await sh('for i in 1 2 3 4; do sleep 600 & done; wait', { ...marked, mostProcesses: 3 });
    assert.deepEqual([many.ended, many.code], ['too-many-processes', null]);
    assert.equal((await sh('sleep 0 & wait; exit 5', { ...marked, mostProcesses: 3 })).code, 5);
  });
});
