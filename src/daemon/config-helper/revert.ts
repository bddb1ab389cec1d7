import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Problem } from '../../core/errors.ts';
import { type Pending, readPending } from '../../core/node-files/pending.ts';
import { withHelperLock } from './lock.ts';
import { type HelperSettings, readHelperSettings } from './settings.ts';
import { revertChange } from './switch.ts';

/** Makes the daemon load the current files. Does nothing if no command is configured: the daemon checks by itself. */
export async function runEffect(effect: Pending['effect'], { restart, reload }: HelperSettings): Promise<void> {
  const [program, ...words] = effect === 'restart' ? restart : effect === 'reload' ? reload : [];
  if (program === undefined) return;
  const options = { timeout: 60_000, env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' } };
  await promisify(execFile)(program, words, options);
}

export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** Why a change must be reverted; undefined while it may still be confirmed. */
async function reasonToRevert({ state, until, boot }: Pending, isAlone: boolean): Promise<string | undefined> {
  if (state === 'switching') return isAlone ? 'the change was cut off' : undefined;
  if (boot !== (await bootId())) return 'the machine started again before the change was confirmed';
  return Date.now() >= until ? 'the node did not answer its operator in time' : undefined;
}

/**
 * Goes back to the last good version if a change was cut off, or its time for confirmation is over.
 * @param take whether the daemon must load it: not when it is about to start
 * @returns whether it went back
 */
export async function revertIfDue(directory: string, take: boolean): Promise<boolean> {
  if ((await readPending(directory)) === undefined) return false;
  try {
    return await withHelperLock(directory, async () => {
      const pending = await readPending(directory);
      const why = pending === undefined ? undefined : await reasonToRevert(pending, true);
      if (pending === undefined || why === undefined) return false;
      await revertChange(directory, pending, why);
      if (take) await runEffect(pending.effect, await readHelperSettings(directory));
      return true;
    });
  } catch (error) {
    // The current call of it will finish it.
    if (error instanceof Problem && error.code === 'busy') return false;
    throw error;
  }
}

/** Milliseconds between two checks. */
const interval = 200;
/** Checks in a row that may fail: ten minutes. Then the next start of the daemon goes back. */
const mostFaults = 3000;

/**
 * Waits until a change is confirmed; otherwise it goes back. A fault of the disk, or no free descriptor, may pass: it
 * checks again.
 * @param onFault called at the first of several faults
 */
export async function awaitConfirmation(
  directory: string,
  change: string,
  onFault: (error: unknown) => void,
): Promise<void> {
  let faults = 0;
  for (;;) {
    try {
      const pending = await readPending(directory);
      if (pending?.change !== change) return;
      if (Date.now() >= pending.until && (await revertIfDue(directory, true))) return;
      faults = 0;
    } catch (error) {
      faults++;
      if (faults === 1) onFault(error);
      if (faults > mostFaults) throw error;
    }
    await sleep(interval);
  }
}
