import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { findMachineProcesses } from '../../../../../src/agents/haproxy/runtime/machine-processes.ts';
import {
  findReplacedProcesses,
  isServing,
  replacedBy,
} from '../../../../../src/agents/haproxy/runtime/replaced-processes.ts';
import { startOf } from '../../../../../src/core/files/process-mark.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { until } from '../../../../support/until.ts';

const children: ChildProcess[] = [];

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.stdin?.end();
  await once(child, 'exit');
}

afterEach(async () => {
  await Promise.all(children.splice(0).map(end));
});

/** A process with such arguments, which ends with its input. */
async function started(...argv: (string | number)[]) {
  const child = spawn('sh', ['-c', 'read line', 'haproxy', ...argv.map(String)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  children.push(child);
  await once(child, 'spawn');
  return { pid: child.pid ?? 0, end: () => end(child) };
}

const findReplaced = async (pid: number, current: number[]) =>
  await findReplacedProcesses(pid, current, await findMachineProcesses());
const pidsOf = async (pid: number) => (await findReplaced(pid, [pid])).map((one) => one.pid);

describe('the processes of HAProxy that a reload replaced', () => {
  test('are the numbers after -sf and -st, wherever they stand on the command line', () => {
    for (const [words, expected] of [
      ['haproxy -sf 20 21 -x sockpair@3 -Ws -f a.cfg', [20, 21]],
      ['haproxy -D -f a.cfg -p 7 -st 20', [20]],
      ['haproxy -f a.cfg -sf 20 -st 21 22', [20, 21, 22]],
      ['haproxy -f a.cfg -n 2000 -m 500', []],
      ['haproxy -f a.cfg -sf', []],
      ['haproxy -sf 0 -5 12345678901 20', []],
      ['haproxy 20 -f a.cfg', []],
      ['20 -f a.cfg', []],
    ] as const)
      assert.deepEqual(replacedBy(words.split(' ')), expected, words);
  });

  test('count while they run, also those that an earlier reload replaced', async () => {
    const first = await started();
    const second = await started('-sf', first.pid);
    const third = await started('-f', 'a.cfg', '-sf', second.pid);
    const found = await findReplaced(third.pid, [third.pid]);
    assert.deepEqual(
      found.map(({ pid }) => pid),
      [second.pid, first.pid],
    );
    assert.deepEqual(found.map(isServing), [true, true]);
    await first.end();
    assert.deepEqual(found.map(isServing), [true, false]);
    assert.deepEqual(await pidsOf(third.pid), [second.pid]);
  });

  test('count once each, and the search ends, even if each names the other: numbers are used again', async () => {
    const earlier = spawn('sh', ['-c', 'read pid; exec sh -c "read line" haproxy -sf "$pid"'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    children.push(earlier);
    await once(earlier, 'spawn');
    const later = await started('-sf', earlier.pid ?? 0);
    earlier.stdin?.write(`${later.pid}\n`);
    const named = `-sf\0${later.pid}\0`;
    await until('the earlier one names the later', async () =>
      (await readFile(`/proc/${earlier.pid}/cmdline`, 'utf8')).endsWith(named),
    );
    const now = await started('-sf', later.pid);
    assert.deepEqual(await pidsOf(now.pid), [later.pid, earlier.pid]);
  });

  test('are not other programs, which got their numbers later, nor the process itself', async () => {
    const only = await started('-sf', process.pid, 1);
    assert.deepEqual(await pidsOf(only.pid), []);
    const itself = spawn('sh', ['-c', 'exec sh -c "echo; read line" haproxy -sf $$'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    children.push(itself);
    await once(itself.stdout, 'data');
    assert.deepEqual(await pidsOf(itself.pid ?? 0), []);
  });

  test('are not found where the process itself is not: in another container, on another machine', async () => {
    const gone = await started();
    await gone.end();
    assert.deepEqual(await pidsOf(gone.pid), []);
  });

  test('are not taken for ended because of another fault', async () => {
    // A file, where a process would have a directory.
    const unreadable = 'version' as unknown as number;
    await assert.rejects(findReplacedProcesses(unreadable, [], []), { code: 'ENOTDIR' });
  });
});

describe('a process that no command line names', () => {
  const directory = temporaryDirectory();
  const [program, one, two] = ['haproxy', 'one', 'two'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  symlinkSync('/bin/sh', program);
  for (const place of [one, two]) mkdirSync(place);

  /** A shell in place of HAProxy, which ends with its input. Its options are those of a shell, too. */
  async function shell(cwd: string, ...argv: string[]) {
    const child = spawn(program, argv, { cwd, stdio: ['pipe', 'pipe', 'ignore'] });
    children.push(child);
    await once(child, 'spawn');
    return child.pid ?? 0;
  }

  test('was replaced if it began earlier with the same configuration files', async () => {
    const earlier = await shell(one, '-s', '-f', 'a.cfg');
    await shell(two, '-s', '-f', 'a.cfg');
    await shell(one, '-s', '-f', 'b.cfg');
    await shell(one, '-s', '-c', 'read line', '-f', 'a.cfg');
    // Starts are known to a hundredth of a second.
    const ticks = (pid: number) => Number(startOf(pid));
    const isLater = async () => ticks(await shell(one, '-s', '-f', 'd.cfg')) > ticks(earlier);
    await until('a process begins in a later tick', isLater);
    const other = await shell(one, '-s', '-f', 'a.cfg');
    const now = await shell(one, '-s', '-f', 'a.cfg');
    await shell(one, '-s', '-f', 'a.cfg');
    const found = await findReplaced(now, [now, other]);
    assert.deepEqual(
      found.map(({ pid }) => pid),
      [earlier],
    );
  });

  test('was not replaced in another network: a container has its own HAProxy with the same files', async () => {
    const process = { parent: 1, argv: ['haproxy'], files: ['/etc/haproxy.cfg'], network: 'net:[1]' };
    // More than the kernel assigns (proc(5), pid_max).
    const [earlier, now] = [5_000_001, 5_000_002].map((pid) => ({
      ...process,
      pid,
      innerPid: pid,
      start: String(pid),
    }));
    assert.ok(earlier && now);
    const found = async (one: typeof earlier) => (await findReplacedProcesses(now.pid, [], [one, now])).length;
    assert.equal(await found(earlier), 1);
    assert.equal(await found({ ...earlier, network: 'net:[2]' }), 0);
    assert.equal(await found({ ...earlier, files: ['/etc/other.cfg'] }), 0);
    assert.equal(await found({ ...earlier, start: now.start }), 0);
  });

  test('is its master if it is the parent of one', async () => {
    const script = `${program} -s -f c.cfg < /dev/stdin & echo $!; wait`;
    const child = spawn(program, ['-s', '-f', 'c.cfg'], { cwd: one, stdio: ['pipe', 'pipe', 'ignore'] });
    children.push(child);
    const said = once(child.stdout, 'data');
    child.stdin.write(`${script.replace('< /dev/stdin', '3<&0 <&3')}\n`);
    const worker = Number(String((await said)[0]));
    assert.deepEqual(await pidsOf(worker), []);
  });
});
