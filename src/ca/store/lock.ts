import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';

const patience = 10_000;
const pause = 25;

/**
 * Runs the work while no other program runs one in the same directory. What a killed program left locked is freed.
 * @throws Problem `ca-busy` when another holds the lock for longer than ten seconds, `unwritable-file`
 */
export async function withLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const path = join(directory, 'lock');
  await acquire(path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string): Promise<void> {
  const end = Date.now() + patience;
  const me = `${hostname()} ${process.pid} ${await startOf(process.pid)}\n`;
  while (!(await tryToTake(path, me))) {
    if (Date.now() > end) throw await busy(path);
    if (await isAbandoned(path)) await breakLock(path);
    else await wait(pause);
  }
}

/** The name appears with its content in it, so that nobody reads a lock without a holder. */
async function tryToTake(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
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

/** A number is given to many processes one after the other; with the time of its start it names one. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

async function holderOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().split(' ');
}

async function isAbandoned(path: string): Promise<boolean> {
  const [host, pid, start] = await holderOf(path);
  // Of another machine's processes nothing is known here.
  return host === hostname() && start !== undefined && (await startOf(Number(pid))) !== start;
}

/** Under a second lock, since between two breakers the later would take away what a third has just been given. */
async function breakLock(path: string): Promise<void> {
  const breaking = `${path}.break`;
  if (!(await tryToTake(breaking, ''))) {
    await wait(pause);
    return;
  }
  try {
    if (await isAbandoned(path)) await rm(path, { force: true });
  } finally {
    await rm(breaking, { force: true });
  }
}

async function busy(path: string): Promise<Problem> {
  const [host = 'unknown', pid = 'unknown'] = await holderOf(path);
  const what = `another program (process ${pid} on ${host}) is at work on this CA`;
  return new Problem('ca-busy', what, `wait for it; if it no longer runs, remove ${path} and ${path}.break`);
}
