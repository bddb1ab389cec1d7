import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Lab } from '../support/lab/lab.ts';

/** A process of a lab's host, by its number on the machine. */
export interface LabProcess {
  /** The short name. */
  readonly host: string;
  readonly command: string;
  readonly pid: string;
}

/** Every process of the lab's hosts, found by the mount namespace that it has in common with its host's first. */
export async function processesOf(lab: Lab): Promise<LabProcess[]> {
  const holders = Object.entries(lab.state.holders).filter(([host]) => host !== 'switch');
  const spaces = new Map(
    await Promise.all(
      holders.map(async ([host, { pid }]) => [await readlink(`/proc/${pid}/ns/mnt`), host.split('.')[0]] as const),
    ),
  );
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // A process that has just ended does not count.
  return (await Promise.all(pids.map((pid) => describe(pid, spaces).catch(() => [])))).flat();
}

async function describe(pid: string, spaces: ReadonlyMap<string, string | undefined>): Promise<LabProcess[]> {
  const host = spaces.get(await readlink(`/proc/${pid}/ns/mnt`));
  if (host === undefined) return [];
  const name = (await readFile(`/proc/${pid}/comm`, 'utf8')).trim();
  // Node.js calls itself so until the program has set its own name.
  const command = name === 'MainThread' ? basename(await readlink(`/proc/${pid}/exe`)) : name;
  return [{ host, command, pid }];
}

/** The daemons among them, by host. */
export function daemonsOf(processes: readonly LabProcess[]): Map<string, string> {
  const found = processes.filter(({ command, host }) => command === 'mco-deploy' && host !== 'control');
  return new Map(found.map(({ host, pid }) => [host, pid]));
}

/** The commands that run more often now than before, with their hosts. */
export function newProcesses(before: readonly LabProcess[], now: readonly LabProcess[]): string[] {
  const name = ({ command, host }: LabProcess) => `${command} on ${host}`;
  const counts = Map.groupBy(before, name);
  return [...Map.groupBy(now, name)].flatMap(([what, { length }]) => {
    const more = length - (counts.get(what)?.length ?? 0);
    return more <= 0 ? [] : [`${more} more processes than before: ${what}`];
  });
}
