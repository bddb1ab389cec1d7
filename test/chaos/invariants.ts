import type { Lab } from '../support/lab/lab.ts';
import { balancers, bravo } from './hosts.ts';
import { leftOvers } from './left-overs.ts';
import { newProcesses, type LabProcess, processesOf } from './processes.ts';
import { type Normal, unusual } from './usage.ts';

/** The state of a lab before a seed. */
export interface Before {
  readonly processes: readonly LabProcess[];
  readonly normal: Normal;
}

/** The broken promises once the faults are gone and the run has ended; a sentence each. */
export async function brokenInvariants(lab: Lab, revision: string, before: Before): Promise<string[]> {
  // A client of its own: it must be gone before what is left is looked for.
  const held = await leases(lab);
  const left = settled(async () => newProcesses(before.processes, await processesOf(lab)));
  const usage = settled(async () => unusual(await processesOf(lab), before.normal));
  const parts = [released(lab, revision), inTraffic(lab), leftOvers(lab), left, usage];
  const broken = (await Promise.all(parts)).flat();
  return [...held, ...broken, ...(await logs(lab))];
}

/** How the servers of the cluster differ from a report of success. */
export async function released(lab: Lab, revision: string): Promise<string[]> {
  const found = await Promise.all(bravo.map(async (host) => [host, await lab.revision(host)] as const));
  return found.flatMap(([host, serves]) => (serves === revision ? [] : [`${host} serves ${serves}, not ${revision}`]));
}

async function inTraffic(lab: Lab): Promise<string[]> {
  const found = await Promise.all(
    balancers.map(async (balancer) => (await lab.servers(balancer)).map((one) => ({ ...one, balancer }))),
  );
  return found
    .flat()
    .flatMap(({ name, status, balancer }) => (status === 'UP' ? [] : [`${name} is ${status} at ${balancer}`]));
}

/** Every log verifies by itself, and the client holds no head that one of them does not lead to. */
async function logs(lab: Lab): Promise<string[]> {
  const { code, stdout, stderr } = await lab.client(['rpc', 'audit', 'verify']);
  return code === 0 ? [] : [`audit verify: exit code ${code}: ${stdout}${stderr}`];
}

async function leases(lab: Lab): Promise<string[]> {
  const { code, stdout, stderr } = await lab.client(['locks']);
  return code === 0 && stdout.trim() === 'no lease is held' ? [] : [`locks: exit code ${code}: ${stdout}${stderr}`];
}

/** Milliseconds in which old workers end and connections close. */
const patience = 20_000;

/** The broken promises that remain after a while; it ends as soon as there are none. */
async function settled(look: () => Promise<string[]>): Promise<string[]> {
  const end = performance.now() + patience;
  for (;;) {
    const found = await look();
    if (found.length === 0 || performance.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
