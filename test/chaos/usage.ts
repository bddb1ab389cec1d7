import { readdir, readFile } from 'node:fs/promises';
import { daemonsOf, type LabProcess } from './processes.ts';

/** The resources of a daemon. */
export interface Usage {
  readonly descriptors: number;
  /** Resident and its own, KiB. */
  readonly memory: number;
}

/** The normal use of each daemon of a lab, by process: its use at the first measurement. */
export type Normal = Map<string, Usage>;

/** How much more than normal a daemon may use: for open connections, and garbage that is not collected yet. */
const spare: Usage = { descriptors: 24, memory: 128 * 1024 };

/** Notes what is normal for the daemons that are new. @returns what is not normal of the others */
export async function unusual(processes: readonly LabProcess[], normal: Normal): Promise<string[]> {
  const found = await Promise.all(
    [...daemonsOf(processes)].map(async ([host, pid]) => {
      const now = await usageOf(pid);
      const was = normal.get(pid);
      if (was === undefined) normal.set(pid, now);
      return was === undefined || isNormal(now, was) ? [] : [`${host}: ${describe(now)}; normal: ${describe(was)}`];
    }),
  );
  return found.flat();
}

async function usageOf(pid: string): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const descriptors = (await readdir(`/proc/${pid}/fd`)).length;
  return { descriptors, memory: Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) };
}

function isNormal(now: Usage, was: Usage): boolean {
  return now.descriptors <= was.descriptors + spare.descriptors && now.memory <= was.memory + spare.memory;
}

function describe({ descriptors, memory }: Usage): string {
  return `the daemon has ${descriptors} descriptors and ${memory} KiB`;
}
