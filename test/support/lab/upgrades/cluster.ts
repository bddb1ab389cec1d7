// Shared by the tests of an upgrade in the lab: the two clusters of the estate, and questions about a lab.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import { repository } from '../state.ts';
import { isUp } from '../traffic/haproxy.ts';

export const bravo: readonly string[] = ['dev2.devco.net', 'dev4.devco.net', 'dev6.devco.net', 'dev8.devco.net'];
export const alfa: readonly string[] = [1, 3, 5, 7, 9].map((number) => `dev${number}.devco.net`);
/** The command of the README. */
export const upgrade: readonly string[] = ['upgrade', '--cluster', 'bravo', '--rev', '20'];

export const revisions = (lab: Lab, hosts: readonly string[]): Promise<(string | undefined)[]> =>
  Promise.all(hosts.map((host) => lab.revision(host)));

/** Names of the servers that HAProxy has in maintenance. */
export const inMaintenance = async (lab: Lab, balancer?: string): Promise<string[]> =>
  (await lab.servers(balancer)).filter(({ status }) => status === 'MAINT').map(({ name }) => name);

/** Whether all nine servers take traffic. */
export async function allUp(lab: Lab, balancer?: string): Promise<boolean> {
  const servers = await lab.servers(balancer);
  return servers.length === 9 && servers.every(isUp);
}

/** Names of the servers that take traffic. */
export const upServers = async (lab: Lab, balancer?: string): Promise<string[]> =>
  (await lab.servers(balancer))
    .filter(isUp)
    .map(({ name }) => name)
    .sort();

/** The calls to a host, by its audit log: `agent.action`, without dry runs and the renewals of the lease in a slow run. */
export const asked = async (lab: Lab, host: string): Promise<string[]> =>
  (await lab.audit(host))
    .filter(({ kind, dry_run }) => kind === 'intent' && dry_run !== true)
    .map(({ agent, action }) => `${agent}.${action}`)
    .filter((call) => call !== 'lock.renew');

/**
 * The shipped playbook with other waits between its tries, on the control host.
 * @returns its path there
 */
export async function writeQuickPlaybook(lab: Lab, changes: Readonly<Record<string, string>>): Promise<string> {
  let text = await readFile(join(repository, 'playbooks/app_cluster_upgrade.yaml'), 'utf8');
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(text.includes(from), from);
    text = text.replace(from, to);
  }
  await writeFile(lab.path('control', 'tmp/quick.yaml'), text);
  return '/tmp/quick.yaml';
}
