import { link, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { errnoOf, explainErrno, Problem } from '../errors.ts';
import { draftOf } from './draft.ts';
import { readIfThere } from './if-there.ts';
import { isRunning, markProcess, type ProcessMark } from './process-mark.ts';

/** Milliseconds between two looks. */
const pause = 25;

export interface Exclusive {
  /** The file of the lock. */
  readonly path: string;
  /** Milliseconds to wait for a holder that runs. */
  readonly patience: number;
  /** Whether a holder may run on another machine, which nobody can find out here. */
  readonly isShared: boolean;
  /** What is thrown if it still runs then. */
  readonly busy: (holder: ProcessMark | undefined) => Error;
}

/**
 * Runs the work while no other program runs one under the same lock. The lock of a killed program is released.
 * @throws Problem `unwritable-file`, what `busy` returns
 */
export function exclusively<T>(lock: Exclusive, work: () => Promise<T>): Promise<T> {
  return locked(lock, performance.now() + lock.patience, work);
}

async function locked<T>(lock: Exclusive, end: number, work: () => Promise<T>): Promise<T> {
  const { host, boot, pid, start, space, machine } = await markProcess();
  const me = `${[host, boot, pid, start, space, machine].join(' ')}\n`;
  while (!(await tryToTake(lock.path, me))) {
    if (await isAbandoned(lock)) await breakLock(lock, end);
    else if (performance.now() > end) throw lock.busy(holding(await holderOf(lock.path)));
    else await wait(pause);
  }
  try {
    return await work();
  } finally {
    await rm(lock.path, { force: true });
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

type Holder = ProcessMark | 'unreadable' | undefined;
const holding = (holder: Holder) => (holder === 'unreadable' ? undefined : holder);

/** Undefined when there is no lock; `unreadable` where a power cut left one without its content. */
async function holderOf(path: string): Promise<Holder> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const [host, boot, pid, start, space, machine] = text.replace('\n', '').split(' ');
  if (host === undefined || boot === undefined || pid === undefined || !/^\d+$/.test(pid)) return 'unreadable';
  const where = space === undefined || machine === undefined ? {} : { space, machine };
  return { host, boot, pid: Number(pid), start: start ?? '', ...where };
}

async function isAbandoned({ path, isShared }: Exclusive): Promise<boolean> {
  const holder = await holderOf(path);
  if (holder === undefined) return false;
  if (holder === 'unreadable') return true;
  const runs = await isRunning(holder);
  return runs === 'no' || (runs === 'unknown' && !isShared);
}

/** Under a separate lock, since of two breakers the later would remove what a third has just taken. */
async function breakLock(lock: Exclusive, end: number): Promise<void> {
  await locked({ ...lock, path: `${lock.path}.break` }, end, async () => {
    if (await isAbandoned(lock)) await rm(lock.path, { force: true });
  });
}
