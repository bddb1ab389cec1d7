import { rm } from 'node:fs/promises';
import { bootId, findLabs, isAlive, type LabState, type ProcessMark } from './state.ts';
import { until } from '../until.ts';

/** Ends every process of a lab and removes its directory. Does no harm when some or all of it is gone already. */
export async function removeLab(lab: LabState): Promise<void> {
  // After a restart of the machine the same numbers belong to others.
  if (lab.bootId === bootId()) {
    await Promise.all(Object.values(lab.holders).map(endProcess));
  }
  await rm(lab.directory, { recursive: true, force: true });
}

/** When a host's first process ends, the kernel ends all others of the host, and only then releases it. */
async function endProcess(mark: ProcessMark): Promise<void> {
  if (!isAlive(mark)) return;
  process.kill(mark.pid, 'SIGKILL');
  // It is not this process's child when another made the lab: there is no event to wait for.
  await until('a process of the lab has ended', () => !isAlive(mark), 5);
}

/** The labs that `lab:down` takes down: those that stand for their own sake, and what is left of crashed ones. */
export async function labsToRemove(id: string | undefined): Promise<LabState[]> {
  const labs = await findLabs();
  if (id !== undefined) return labs.filter((lab) => lab.id === id);
  return labs.filter((lab) => lab.lifetime === 'standing' || lab.bootId !== bootId() || !isAlive(lab.owner));
}
