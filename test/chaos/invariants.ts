import { readFile } from 'node:fs/promises';
import type { Lab } from '../support/lab/lab.ts';
import { balancers, bravo } from './faults.ts';

const web = Array.from({ length: 9 }, (_, index) => `dev${index + 1}`);
const all = [...web, ...balancers];

/** What is not as it must be once the faults are gone and the run has come to its end; a sentence each. */
export async function brokenInvariants(lab: Lab, revision: string, before: Usage): Promise<string[]> {
  const parts = [released(lab, revision), inTraffic(lab), logs(lab), leases(lab), leftOvers(lab), usage(lab, before)];
  return (await Promise.all(parts)).flat();
}

/** What of the servers of the cluster is not as a report of success says. */
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

/** Staging directories and drafts. */
async function leftOvers(lab: Lab): Promise<string[]> {
  const find =
    'find /srv/app/.staging -mindepth 1 2>/dev/null; find /var/lib/mco-deploy /srv/app -name "*.new" -o -name "*.draft*" 2>/dev/null; true';
  const found = await Promise.all(
    all.map(async (host) => [host, (await lab.exec(host, ['sh', '-c', find])).stdout.trim()] as const),
  );
  return found.flatMap(([host, files]) => (files === '' ? [] : [`left on ${host}: ${files}`]));
}

/** Open descriptors and resident memory (KiB) of each daemon, by host. */
export type Usage = ReadonlyMap<string, { readonly files: number; readonly memory: number; readonly pid: string }>;

export async function usageOf(lab: Lab): Promise<Usage> {
  const ask =
    'pid=$(cat /run/mco-deploy.pid); ls /proc/$pid/fd | wc -l; grep RssAnon /proc/$pid/status | tr -dc 0-9; echo; echo $pid';
  const found = await Promise.all(
    all.map(async (host) => {
      const [files = '', memory = '', pid = ''] = (await lab.exec(host, ['sh', '-c', ask])).stdout.split('\n');
      return [host, { files: Number(files), memory: Number(memory), pid }] as const;
    }),
  );
  return new Map(found);
}

const spare = { files: 24, memory: 128 * 1024 };

async function usage(lab: Lab, before: Usage): Promise<string[]> {
  return [...(await usageOf(lab))].flatMap(([host, { files, memory }]) => {
    const was = before.get(host) ?? { files: 0, memory: 0 };
    if (files <= was.files + spare.files && memory <= was.memory + spare.memory) return [];
    return [`the daemon of ${host} has ${files} descriptors and ${memory} KiB, before: ${was.files} and ${was.memory}`];
  });
}

/** The last lines of a host's daemon, for a person who looks into a failure. */
export async function lastLines(lab: Lab, host: string): Promise<string> {
  return (await readFile(lab.path(host, 'var/log/mco-deploy/daemon.log'), 'utf8'))
    .trim()
    .split('\n')
    .slice(-5)
    .join('\n');
}
