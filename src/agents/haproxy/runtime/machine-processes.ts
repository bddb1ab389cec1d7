import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { startOf } from '../../../core/files/process-mark.ts';
import { configurationFiles } from './configuration.ts';

/** A HAProxy process of this machine, by proc(5). */
export interface MachineProcess {
  readonly pid: number;
  /** Its number in its own container, as it reports it itself. */
  readonly innerPid: number;
  readonly parent: number;
  /** Ticks since the boot. */
  readonly start: string;
  readonly argv: readonly string[];
  /** Its configuration files: those of two processes in different directories differ, whatever they name. */
  readonly files: readonly string[];
  /** Its network namespace; empty if this user may not see it. */
  readonly network: string;
}

/** Of HAProxy and HAProxy Enterprise, also with a version in it. */
const programName = /^(haproxy|hapee)/;

/** Words of a command line that only checks or prints something. */
const noService = /^-(c|cc|v|vv)$/;

/** All HAProxy processes of this machine that this user can see (`hidepid`), of containers too. */
export async function findMachineProcesses(): Promise<MachineProcess[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid) && isHaproxy(pid));
  return (await Promise.all(pids.map(read))).filter((one) => one !== undefined);
}

/** Whether it is the master of others: it serves nothing itself. */
export function isMaster({ pid }: MachineProcess, all: readonly MachineProcess[]): boolean {
  return all.some(({ parent }) => parent === pid);
}

export function haveSameFiles(one: MachineProcess, other: MachineProcess): boolean {
  return isDeepStrictEqual(one.files, other.files);
}

/** The network namespace of a process; empty if this user may not see it. */
export function networkOf(pid: number | 'self'): Promise<string> {
  return readlink(`/proc/${pid}/ns/net`).catch(() => '');
}

/** Asked of each process of the machine, so without other threads: of 79, a look takes 2 ms of processor time instead of 19. */
function isHaproxy(pid: number): boolean {
  try {
    return programName.test(readFileSync(`/proc/${pid}/comm`, 'latin1'));
  } catch {
    return false;
  }
}

/** Undefined for one that only checks or prints something, and for a process that has ended meanwhile. */
async function read(pid: number): Promise<MachineProcess | undefined> {
  const argv = (await textOf(pid, 'cmdline')).split('\0');
  const named = configurationFiles(argv);
  if (named.length === 0 || argv.some((word) => noService.test(word))) return undefined;
  const cwd = `/proc/${pid}/cwd`;
  const [status, network, directory] = await Promise.all([
    textOf(pid, 'status'),
    networkOf(pid),
    readlink(cwd).catch(() => cwd),
  ]);
  const files = named.map((file) => resolve(directory, file));
  const start = startOf(pid);
  if (start === undefined) return undefined;
  const numbers = (field: string) => (new RegExp(`^${field}:(.*)$`, 'm').exec(status)?.[1] ?? '').trim().split(/\s+/);
  const innerPid = Number(numbers('NSpid').at(-1)) || pid;
  return { pid, innerPid, parent: Number(numbers('PPid')[0]), start, argv, files, network };
}

function textOf(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
}
