import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { errnoOf } from '../errors.ts';

/** Identifies one process: a later process with the same number, here or on another machine, has another mark. */
export interface ProcessMark {
  readonly host: string;
  /** The kernel's id of this start of the machine. */
  readonly boot: string;
  readonly pid: number;
  /** Its start, in the kernel's ticks since the boot. */
  readonly start: string;
}

/** The mark of this process. */
export async function markProcess(pid = process.pid): Promise<ProcessMark> {
  return { host: hostname(), boot: await bootId(), pid, start: startOf(pid) ?? '' };
}

/** Whether it still runs; `unknown` if this machine cannot find out. */
export async function isRunning({ host, boot, pid, start }: ProcessMark): Promise<'yes' | 'no' | 'unknown'> {
  const sameHost = host === hostname();
  const sameBoot = boot === (await bootId());
  if (sameHost && !sameBoot) return 'no';
  if (!sameHost) return 'unknown';
  return startOf(pid) === start ? 'yes' : 'no';
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/**
 * Field 22 of /proc/PID/stat (proc(5)); the name before it may contain anything. Undefined when there is no such
 * process. The kernel answers from memory, so this never waits. @throws the error of the operating system
 * if that is unknown
 */
export function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // Only these report that it has ended: without a free descriptor, a process that runs cannot be read either.
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error))) return undefined;
    throw error;
  }
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended; its parent has not collected it yet.
  return state === 'Z' ? undefined : fields[18];
}
