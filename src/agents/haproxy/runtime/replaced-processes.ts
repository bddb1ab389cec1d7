import { readFile } from 'node:fs/promises';
import { errnoOf } from '../../../core/errors.ts';
import { startOf } from '../../../core/files/process-mark.ts';
import { haveSameFiles, isMaster, type MachineProcess } from './machine-processes.ts';

/** A process that a reload replaced, and that still runs: it serves the connections that were open then. */
export interface ReplacedProcess {
  readonly pid: number;
  /** Its start, which no later process with this number has. */
  readonly start: string;
}

/**
 * Finds the processes that reloads replaced by this one, or by one of those, and that still run. Its socket reports
 * nothing about them, but they stand on its command line (management guide, 3: `-sf` and `-st`; a master adds them).
 * After two reloads without a master, the first process stands on none if the second has ended: it has the same
 * configuration files. Those of a HAProxy in another container or on another machine are not found.
 * @param pid from “show info”
 * @param current the processes that answer at sockets, this one included
 * @param machine all HAProxy processes of this machine
 */
export async function findReplacedProcesses(
  pid: number,
  current: readonly number[],
  machine: readonly MachineProcess[],
): Promise<readonly ReplacedProcess[]> {
  const named = await findNamed(pid);
  const earlier = findEarlier(pid, machine).filter(
    (one) => !current.includes(one.pid) && !named.some((other) => other.pid === one.pid),
  );
  return [...named, ...earlier.map(({ pid: number, start }) => ({ pid: number, start }))];
}

/** Those that began before it with its configuration files, except its master. */
function findEarlier(pid: number, all: readonly MachineProcess[]): MachineProcess[] {
  const own = all.find((one) => one.pid === pid);
  if (own === undefined) return [];
  return all.filter(
    (one) =>
      Number(one.start) < Number(own.start) &&
      haveSameFiles(one, own) &&
      one.network === own.network &&
      !isMaster(one, all),
  );
}

/** Those on the command line of the process, and on the command lines of those. */
async function findNamed(pid: number): Promise<readonly ReplacedProcess[]> {
  const name = await readOf(pid, 'comm');
  const found = new Map<number, ReplacedProcess>();
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const earlier of replacedBy((await readOf(next, 'cmdline')).split('\0'))) {
      const start = found.has(earlier) || earlier === pid ? undefined : startOf(earlier);
      // The number may be that of another program by now.
      if (start === undefined || (await readOf(earlier, 'comm')) !== name) continue;
      found.set(earlier, { pid: earlier, start });
      open.push(earlier);
    }
  }
  return [...found.values()];
}

export function isServing({ pid, start }: ReplacedProcess): boolean {
  return startOf(pid) === start;
}

/** The numbers after `-sf` or `-st`. */
export function replacedBy(argv: readonly string[]): number[] {
  const pids: number[] = [];
  let isList = false;
  for (const word of argv) {
    if (!/^[1-9][0-9]{0,9}$/.test(word)) isList = word === '-sf' || word === '-st';
    else if (isList) pids.push(Number(word));
  }
  return pids;
}

/** Empty if there is no such process, or if it is hidden from this one. */
async function readOf(pid: number, file: 'cmdline' | 'comm'): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errnoOf(error))) return '';
    throw error;
  }
}
