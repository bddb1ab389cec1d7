import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
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
  /** The kernel's name of the space that the number is in: each container has its own. */
  readonly space?: string;
  /** The machine, over its starts; empty where it has no id, as in a container. */
  readonly machine?: string;
}

/** The mark of this process. */
export async function markProcess(pid = process.pid): Promise<Required<ProcessMark>> {
  const [boot, space, machine] = await Promise.all([bootId(), pidSpace(), machineId()]);
  return { host: hostname(), boot, pid, start: startOf(pid) ?? '', space, machine };
}

/**
 * Whether it still runs; `unknown` if this machine cannot find out: another machine or container may have the same host
 * name. A mark of an earlier version has neither space nor machine, and only its host name counts.
 */
export async function isRunning(mark: ProcessMark): Promise<'yes' | 'no' | 'unknown'> {
  if (mark.host !== hostname()) return 'unknown';
  if (mark.boot !== (await bootId())) {
    const isSameMachine = mark.machine === undefined || (mark.machine !== '' && mark.machine === (await machineId()));
    return isSameMachine ? 'no' : 'unknown';
  }
  if (mark.space !== undefined && mark.space !== (await pidSpace())) return 'unknown';
  return startOf(mark.pid) === mark.start ? 'yes' : 'no';
}

/** Without a blank: a lock has it in a line of words. */
async function pidSpace(): Promise<string> {
  return (await readlink('/proc/self/ns/pid')).replaceAll(' ', '');
}

/** A digest: machine-id(5) asks not to pass the id itself on. */
async function machineId(): Promise<string> {
  const id = (await readFile('/etc/machine-id', 'utf8').catch(() => '')).trim();
  if (!/^[0-9a-f]{32}$/.test(id)) return '';
  return createHash('sha256').update(`mco-deploy process ${id}`).digest('hex').slice(0, 16);
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
