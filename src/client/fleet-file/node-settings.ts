import { stringify } from 'yaml';
import type { JsonObject } from '../../core/json.ts';
import type { Application, Fleet, Host } from './model.ts';

/** Agents that every node runs. */
const always = ['rpcutil', 'lock', 'crl', 'audit', 'config'];

const first = '# Written by mco-deploy apply; every key is explained in docs/daemon.md.\n';

/** The default source of an application's artifacts: `mco-deploy publish` delivers them. */
const artifacts = 'published';

/** appmgr's settings of an application, including those that fleet.yaml may omit. */
export function applicationSettings(name: string, declared: JsonObject): JsonObject {
  if (declared.deploy !== undefined) return declared;
  return { root: `/srv/${name}`, artifacts, ...declared };
}

/** The sections of a host's agents. @param directory of its configuration */
export function agentSections(host: Host, fleet: Fleet, directory: string): Record<string, JsonObject> {
  const { applications } = fleet;
  const mine = applications.filter(({ role }) => role === host.role.name);
  const { checks } = host.role;
  return {
    ...Object.fromEntries(always.map((name) => [name, {}])),
    ...host.role.agents,
    ...(Object.keys(checks).length === 0
      ? {}
      : { nrpe: { ...host.role.agents.nrpe, config: `${directory}/nrpe.cfg` } }),
    ...(mine.length === 0 ? {} : { appmgr: { applications: Object.fromEntries(mine.map(entryOf)) } }),
    ...publishSection(host, mine, fleet),
  };
}

/**
 * The node's settings for `mco-deploy publish`: the applications with artifacts from there, from operators who may
 * deploy them.
 */
function publishSection(
  { role }: Host,
  applications: readonly Application[],
  { operators }: Fleet,
): Record<string, JsonObject> {
  const published = applications.filter(
    ({ name, settings }) => applicationSettings(name, settings).artifacts === artifacts,
  );
  if (published.length === 0) return {};
  const publishersOf = (application: string) =>
    [...operators].flatMap(([name, rights]) =>
      rights.all || rights.deploy.includes(application) ? [`cert=${name}`] : [],
    );
  const entries = published.flatMap(({ name }): [string, JsonObject][] => {
    const publishers = publishersOf(name);
    return publishers.length === 0 ? [] : [[name, { publishers }]];
  });
  return entries.length === 0 ? {} : { publish: { ...role.agents.publish, applications: Object.fromEntries(entries) } };
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
