import { stringify } from 'yaml';
import type { JsonObject } from '../../core/json.ts';
import type { Application, Fleet, Host } from './model.ts';

/** Agents that every node runs. */
const always = ['rpcutil', 'lock', 'crl', 'audit'];

const first = '# Written by mco-deploy apply; every key is explained in docs/daemon.md.\n';

/** Where a node keeps the artifacts of an application unless fleet.yaml says otherwise: the daemon may write there. */
const artifacts = '/var/lib/mco-deploy/artifacts';

/** What appmgr knows of an application, with what fleet.yaml need not say. */
export function applicationSettings(name: string, given: JsonObject): JsonObject {
  if (given.deploy !== undefined) return given;
  return { root: `/srv/${name}`, artifacts, ...given };
}

/** The sections of a host's agents. @param directory where its configuration is */
export function agentSections(host: Host, { applications }: Fleet, directory: string): Record<string, JsonObject> {
  const mine = applications.filter(({ role }) => role === host.role.name);
  const { checks } = host.role;
  return {
    ...Object.fromEntries(always.map((name) => [name, {}])),
    ...host.role.agents,
    ...(Object.keys(checks).length === 0
      ? {}
      : { nrpe: { ...host.role.agents.nrpe, config: `${directory}/nrpe.cfg` } }),
    ...(mine.length === 0 ? {} : { appmgr: { applications: Object.fromEntries(mine.map(entryOf)) } }),
  };
}

function entryOf({ name, settings }: Application): [string, JsonObject] {
  return [name, applicationSettings(name, settings)];
}

/** node.yaml of a host. */
export function nodeYaml(host: Host, fleet: Fleet, directory: string): string {
  const { settings, relay } = host.role;
  const relaying = relay ? { relay: {} } : {};
  return (
    first + stringify({ ...relaying, ...settings, agents: agentSections(host, fleet, directory) }, { lineWidth: 0 })
  );
}

/** nrpe.cfg of a role. */
export function nrpeConfig({ checks }: Host['role']): string {
  const lines = Object.entries(checks).map(([name, line]) => `command[${name}]=${line}`);
  return `# Written by mco-deploy apply.\n${lines.join('\n')}\n`;
}
