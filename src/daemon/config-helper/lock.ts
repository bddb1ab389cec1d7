import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, Problem } from '../../core/errors.ts';
import { makeDirectories } from '../../core/files/durable.ts';
import { ifThere } from '../../core/files/if-there.ts';
import { isRunning, markProcess, type ProcessMark } from '../../core/files/process-mark.ts';
import { helperDirectory } from '../../core/node-files/pending.ts';

/**
 * Does work that only one helper may do at a time. A lock of a process that is gone does not count. @throws Problem
 * `busy`
 */
export async function withHelperLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const own = join(directory, helperDirectory);
  await makeDirectories(own, 0o755);
  const file = join(own, 'lock');
  await take(file);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<void> {
  const mark = JSON.stringify(await markProcess());
  for (let tries = 0; tries < 3; tries++) {
    try {
      await writeFile(file, mark, { flag: 'wx', mode: 0o644 });
      return;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    if ((await holderOf(file)) === 'yes') break;
    await rm(file, { force: true });
  }
  throw new Problem('busy', 'another change of the configuration is being made', 'call again in a moment');
}

async function holderOf(file: string): Promise<'yes' | 'no' | 'unknown'> {
  const text = await ifThere(readFile(file, 'utf8'));
  if (text === undefined) return 'no';
  let mark: ProcessMark;
  try {
    mark = JSON.parse(text) as ProcessMark;
  } catch {
    // It was cut off while it was written.
    return 'no';
  }
  return await isRunning(mark);
}
