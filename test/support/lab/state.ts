import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Host } from './estate.ts';

export const repository = join(import.meta.dirname, '../../..');
const prefix = 'mco-lab-';

/** A process, distinguished from a later one with the same number. */
export interface ProcessMark {
  readonly pid: number;
  /** Clock ticks since the machine's start (proc_pid_stat(5), field 22). */
  readonly startTime: string;
}

/** The data by which another process can use a lab or take it down; kept in lab.json. */
export interface LabState {
  readonly id: string;
  readonly directory: string;
  /** A standing lab outlives the process that made it; a temporary one dies with it. */
  readonly lifetime: 'standing' | 'temporary';
  /** Distinguishes one start of the machine from another. */
  readonly bootId: string;
  readonly owner: ProcessMark;
  readonly hosts: readonly Host[];
  /** The process that holds each host's namespaces, by the host's name; `switch` is the network between them. */
  readonly holders: Readonly<Record<string, ProcessMark>>;
}

/** Makes the directory of a new lab, for root alone. */
export async function makeState(hosts: readonly Host[], lifetime: LabState['lifetime']): Promise<LabState> {
  const directory = await mkdtemp(join(tmpdir(), prefix));
  await mkdir(join(directory, 'hosts'));
  const id = basename(directory).slice(prefix.length);
  const owner = markProcess(process.pid);
  return { id, directory, lifetime, bootId: bootId(), owner, hosts, holders: {} };
}

export async function saveState(lab: LabState): Promise<void> {
  const file = join(lab.directory, 'lab.json');
  await writeFile(`${file}.new`, JSON.stringify(lab, null, 2));
  await rename(`${file}.new`, file);
}

/** Every lab on this machine that this user made, whether it stands or not. */
export async function findLabs(): Promise<LabState[]> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(prefix));
  const labs = await Promise.all(names.map((name) => readState(join(tmpdir(), name))));
  return labs.filter((lab) => lab !== undefined);
}

/** Undefined for a directory of someone else's: its file would name the processes to end. */
async function readState(directory: string): Promise<LabState | undefined> {
  try {
    if ((await stat(directory)).uid !== process.getuid?.()) return undefined;
    return { ...(JSON.parse(await readFile(join(directory, 'lab.json'), 'utf8')) as LabState), directory };
  } catch {
    return undefined;
  }
}

/** @throws Error when there is no such process */
export function markProcess(pid: number): ProcessMark {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, the command in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, startTime: fields[19] ?? '' };
}

/** Whether that very process still runs. */
export function isAlive({ pid, startTime }: ProcessMark): boolean {
  try {
    return markProcess(pid).startTime === startTime;
  } catch {
    return false;
  }
}

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The path of a host's own file system, seen from outside: as its first process sees it, with what is mounted there, once that runs. */
export function rootOf(lab: Pick<LabState, 'directory' | 'holders'>, host: string): string {
  const holder = lab.holders[host];
  return holder === undefined ? join(lab.directory, 'hosts', host) : `/proc/${holder.pid}/root`;
}
