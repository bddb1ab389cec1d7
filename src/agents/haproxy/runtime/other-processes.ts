import { startOf } from '../../../core/files/process-mark.ts';
import { readConfiguration } from './configuration.ts';
import { findMachineProcesses, haveSameFiles, isMaster, type MachineProcess, networkOf } from './machine-processes.ts';
import { replacedBy } from './replaced-processes.ts';

/** A HAProxy process of this machine that no configured socket leads to. */
export interface OtherProcess {
  readonly pid: number;
  /** For messages: its configuration files. */
  readonly files: string;
  /**
   * What its `server` lines name, each with and without its port; undefined if its configuration cannot be read. A
   * setting from the environment is not replaced by its value.
   */
  readonly targets: ReadonlySet<string> | undefined;
}

/**
 * Finds the HAProxy processes that no command reaches, since no configured socket is theirs: they may send requests to
 * hosts that are out. Masters, and what a reload replaces or begins, are not among them.
 * @param pids of the processes that answer at the configured sockets, as they report them
 */
export async function findOtherProcesses(pids: readonly number[]): Promise<readonly OtherProcess[]> {
  const all = await findMachineProcesses();
  const known = all.filter(({ innerPid }) => pids.includes(innerPid));
  const network = known[0]?.network ?? (await networkOf('self'));
  const replaced = new Set(known.flatMap(({ argv }) => replacedBy(argv)));
  const others = all.filter(
    (one) =>
      !known.includes(one) &&
      !known.some((own) => isRelated(one, own)) &&
      !replaced.has(one.pid) &&
      !isMaster(one, all) &&
      one.network === network,
  );
  return (await Promise.all(others.map(describe))).filter((one) => one !== undefined);
}

/** Its master, a program that it runs, or another process of the same HAProxy. */
function isRelated(one: MachineProcess, own: MachineProcess): boolean {
  return one.pid === own.parent || one.parent === own.pid || haveSameFiles(one, own);
}

/** Undefined for one that has ended meanwhile, as the last of a reload: its configuration may be gone, too. */
async function describe({ pid, start, argv, files }: MachineProcess): Promise<OtherProcess | undefined> {
  const text = await readConfiguration(pid, argv).catch(() => undefined);
  if (startOf(pid) !== start) return undefined;
  return { pid, files: files.join(' '), targets: text === undefined ? undefined : targetsOf(text) };
}

/** The addresses and host names of the `server` and `server-template` lines of a configuration. */
export function targetsOf(configuration: string): ReadonlySet<string> {
  const targets = new Set<string>();
  for (const line of configuration.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    const at = word === 'server' ? 1 : word === 'server-template' ? 2 : undefined;
    const target = at === undefined ? undefined : rest[at]?.replace(/^[a-z0-9]+@/, '');
    if (target === undefined) continue;
    targets.add(target);
    targets.add(target.replace(/:[^:\]]*$/, '').replace(/^\[(.*)\]$/, '$1'));
  }
  return targets;
}
