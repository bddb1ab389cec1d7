import { watchFileCalls } from '../../../support/faults/file-calls.ts';
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { withLock } from '../../../../src/ca/store/lock.ts';
import { markProcess } from '../../../../src/core/files/process-mark.ts';

let directory: string;
let lock: string;
let alive: string;
beforeEach(async () => {
  directory = mkdtempSync('/dev/shm/mco-lock-');
  lock = join(directory, 'lock');
  const { host, boot, pid, start } = await markProcess();
  alive = `${host} ${boot} ${pid} ${start}\n`;
});
afterEach(() => rmSync(directory, { recursive: true }));

const work = () => withLock(directory, async () => 'done');

describe('the lock of a CA', () => {
  test('is taken from a process that has ended, and from one before the last start of the machine', async () => {
    const [host, boot, pid, start] = alive.trim().split(' ');
    for (const [what, content] of [
      ['a process that has ended', `${host} ${boot} 4194305 1\n`],
      ['another process with the same number', `${host} ${boot} ${pid} ${Number(start) - 1}\n`],
      ['an earlier start of the machine', `${host} other ${pid} ${start}\n`],
      ['a program that was killed while it wrote it', 'half'],
    ] as const) {
      writeFileSync(lock, content);
      assert.equal(await work(), 'done', what);
      assert.equal(existsSync(lock), false, what);
    }
  });

  test('is never taken from a process that runs, or from another machine: the wait ends after ten seconds', async (context) => {
    for (const [content, who] of [
      [alive, `process ${process.pid} on ${hostname()}`],
      [`far.devco.net boot 7 1\n`, 'process 7 on far.devco.net'],
      [`${hostname()} other 7 1 pid:[1] \n`, `process 7 on ${hostname()}`],
      [alive.replace('\n', ' pid:[1] \n'), `process ${process.pid} on ${hostname()}`],
      [`far.devco.net ${alive.split(' ').slice(1).join(' ')}`, `process ${process.pid} on far.devco.net`],
    ] as const) {
      writeFileSync(lock, content);
      let now = 0;
      const clock = context.mock.method(performance, 'now', () => (now += 4000));
      await assert.rejects(work(), { code: 'ca-busy', message: `another program (${who}) is changing this CA` });
      assert.equal(clock.mock.callCount(), 4, 'two looks within the time, and one after it');
      clock.mock.restore();
      assert.equal(readFileSync(lock, 'utf8'), content);
    }
  });

  test('is waited for by a clock that nobody can set', async (context) => {
    context.mock.timers.enable({ apis: ['Date'] });
    writeFileSync(lock, alive);
    const waiting = work();
    context.mock.timers.setTime(3_600_000);
    // The next look has begun when the directory is read again.
    await new Promise<void>((resolve) => {
      const watch = watchFileCalls(directory, async ({ name }, _args, real) => {
        const result = await real().catch((error: unknown) => error);
        if (name === 'link') {
          watch[Symbol.dispose]();
          resolve();
        }
        if (result instanceof Error) throw result;
        return result;
      });
    });
    rmSync(lock);
    assert.equal(await waiting, 'done');
  });

  test('is looked at again before it is taken away: another program may have taken it meanwhile', async () => {
    writeFileSync(lock, 'half');
    writeFileSync(`${lock}.break`, alive);
    const steps: string[] = [];
    const trying = Promise.withResolvers<void>();
    const looked = Promise.withResolvers<void>();
    const watch = watchFileCalls(directory, async ({ name, path }, _args, real) => {
      if (name === 'link' && path === `${lock}.break`) trying.resolve();
      const result = await real();
      if (name === 'rm' && path === `${lock}.break`) looked.resolve();
      if (name === 'rm' && path === lock) steps.push('removed');
      return result;
    });
    const waiting = work().then(() => steps.push('worked'));
    await trying.promise;
    writeFileSync(lock, alive);
    rmSync(`${lock}.break`);
    await looked.promise;
    assert.deepEqual([steps, readFileSync(lock, 'utf8')], [[], alive]);
    rmSync(lock);
    await waiting;
    watch[Symbol.dispose]();
    assert.deepEqual(steps, ['removed', 'worked']);
  });
});
