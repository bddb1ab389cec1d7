import assert from 'node:assert/strict';
import { watch } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Exclusive, exclusively } from '../../../../src/core/files/exclusive.ts';
import { markProcess } from '../../../../src/core/files/process-mark.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { within } from '../../../support/until.ts';

/** Milliseconds. */
const patience = 60_000;
const lockIn = (directory: string, given: Partial<Exclusive> = {}): Exclusive => ({
  path: join(directory, 'lock'),
  patience,
  isShared: true,
  busy: (holder) => new Error(`held by ${holder?.pid}`),
  ...given,
});

/** A line as a lock contains it, of this process or of one that has ended. */
async function markOf(given: { readonly pid?: number; readonly host?: string } = {}): Promise<string> {
  const { host, boot, pid, start, space, machine } = { ...(await markProcess(given.pid)), ...given };
  return `${[host, boot, pid, start, space, machine].join(' ')}\n`;
}

/** Waits until names have appeared in a directory, or vanished from it, so often. */
function changesIn(directory: string, isMeant: (name: string) => boolean, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen = 0;
  const watcher = watch(directory, (event, name) => {
    if (event === 'rename' && name !== null && isMeant(name) && ++seen === count) resolve();
  });
  return within(`change ${count} in ${directory}`, promise).finally(() => watcher.close());
}

/** More than the kernel assigns (proc(5), pid_max). */
const ended = { pid: 4_194_305 };

describe('a lock', () => {
  test('of a program that has ended is released, and nothing of it stays', async () => {
    const directory = temporaryDirectory();
    const lock = lockIn(directory);
    await writeFile(lock.path, await markOf(ended));
    assert.equal(await exclusively(lock, () => readFile(lock.path, 'utf8')), await markOf());
    await assert.rejects(readFile(lock.path), { code: 'ENOENT' });
  });

  test('of one that runs is respected, and so is that of another machine where others share it', async () => {
    const directory = temporaryDirectory();
    const never = () => assert.fail('somebody else holds it');
    const lock = lockIn(directory, { patience: 0 });
    await writeFile(lock.path, await markOf());
    await assert.rejects(exclusively(lock, never), { message: `held by ${process.pid}` });
    await writeFile(lock.path, await markOf({ host: 'other.devco.net' }));
    await assert.rejects(exclusively(lock, never), { message: `held by ${process.pid}` });
    assert.equal(await exclusively({ ...lock, isShared: false }, async () => 'taken'), 'taken');
  });

  test('is not taken from a program that took it while another one wanted to release it', async () => {
    const directory = temporaryDirectory();
    const lock = lockIn(directory);
    const taken = await markOf({ pid: process.ppid });
    // Another program releases it at this moment, so this one waits for its turn to do so.
    await writeFile(`${lock.path}.break`, await markOf());
    await writeFile(lock.path, await markOf(ended));
    let isWorking = false;
    const attempt = changesIn(directory, (name) => /^lock\.break\..*\.new$/.test(name), 1);
    const waiting = exclusively(lock, async () => {
      isWorking = true;
    });
    await attempt;
    await writeFile(lock.path, taken);
    // The other one is done; then this one has its turn, and ends it.
    const turn = changesIn(directory, (name) => name === 'lock.break', 3);
    await rm(`${lock.path}.break`);
    await turn;
    assert.equal(await readFile(lock.path, 'utf8'), taken);
    assert.equal(isWorking, false);
    await rm(lock.path);
    await waiting;
    assert.equal(isWorking, true);
  });
});
