import { link, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { draftOf, removeAbandonedDrafts } from '../../core/files/draft.ts';
import { isRunning, markProcess, type ProcessMark } from '../../core/files/process-mark.ts';
import { readIfThere } from '../../core/files/if-there.ts';

const patience = 10_000;
const pause = 25;

/**
 * Runs the work while no other program runs one in the same directory. The lock of a killed program is released.
 * @throws Problem `ca-busy` when another holds the lock for longer than ten seconds, `unwritable-file`
 */
export function withLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  return locked(join(directory, 'lock'), performance.now() + patience, async () => {
    removeAbandonedDrafts(directory);
    return work();
  });
}

async function locked<T>(path: string, end: number, work: () => Promise<T>): Promise<T> {
  const { host, boot, pid, start } = await markProcess();
  const me = `${host} ${boot} ${pid} ${start}\n`;
  while (!(await tryToTake(path, me))) {
    if (performance.now() > end) throw await busy(path);
    if (await isAbandoned(path)) await breakLock(path, end);
    else await wait(pause);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** The name appears with its content in it, so that nobody reads the lock of a living program without its holder. */
async function tryToTake(path: string, content: string): Promise<boolean> {
  const draft = draftOf(path);
  try {
    await writeFile(draft, content, { flag: 'wx', mode: 0o600 });
    await link(draft, path);
    return true;
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') return false;
    throw new Problem('unwritable-file', `${path} cannot be written: ${explainErrno(cause)}`, '', { cause });
  } finally {
    await rm(draft, { force: true });
  }
}

/** Undefined when there is no lock; `unreadable` where a power cut left one without its content. */
async function holderOf(path: string): Promise<ProcessMark | 'unreadable' | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const [host, boot, pid, start] = text.trim().split(' ');
  if (host === undefined || boot === undefined || pid === undefined || !/^\d+$/.test(pid)) return 'unreadable';
  return { host, boot, pid: Number(pid), start: start ?? '' };
}

async function isAbandoned(path: string): Promise<boolean> {
  const holder = await holderOf(path);
  if (holder === undefined) return false;
  if (holder === 'unreadable') return true;
  // Processes of another machine are unknown here.
  return holder.host === hostname() && (await isRunning(holder)) === 'no';
}

/** Under a separate lock, since of two breakers the later would remove what a third has just taken. */
async function breakLock(path: string, end: number): Promise<void> {
  await locked(`${path}.break`, end, async () => {
    if (await isAbandoned(path)) await rm(path, { force: true });
  });
}

async function busy(path: string): Promise<Problem> {
  const holder = await holderOf(path);
  const who = holder === undefined || holder === 'unreadable' ? '' : ` (process ${holder.pid} on ${holder.host})`;
  const what = `another program${who} is changing this CA`;
  return new Problem('ca-busy', what, `wait until it has ended; if it no longer runs, remove ${path}`);
}
