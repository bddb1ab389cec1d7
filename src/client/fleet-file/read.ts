import { basename, dirname, resolve } from 'node:path';
import { explainErrno } from '../../core/errors.ts';
import { decodeText } from '../../core/files/decode.ts';
import { readInput } from '../../core/files/read-input.ts';
import { type Document, readDocument } from '../../core/files/yaml/document.ts';
import type { JsonObject } from '../../core/json.ts';
import { checkApplications, clustersOf } from './check/applications.ts';
import { collectFaults, type Faults } from './check/faults.ts';
import { checkHosts, hostFields } from './check/hosts.ts';
import { checkOperators } from './check/operators.ts';
import { checkRoles } from './check/roles.ts';
import type { Application, Fleet, Host, NodeParts, Rights, Role } from './model.ts';
import { type FleetDocument, fleetSchema } from './schema.ts';

/**
 * Reads a fleet's file, and the scripts that it names. Everything is checked that can be checked without a node.
 * @throws Problem `unreadable-file`; `bad-configuration` with file, line, column and the nearest known name
 */
export async function readFleet(file: string, parts: NodeParts): Promise<Fleet> {
  const document = await readDocument<FleetDocument>(file, 'configuration', 'fleet', fleetSchema);
  const faults = collectFaults(document.locate);
  checkOperators(document.value, faults);
  checkRoles(document.value, parts, faults);
  checkHosts(document.value, faults);
  const roles = await rolesOf(document, faults);
  faults.throwAny();
  const fleet = assemble(document, roles);
  checkApplications(fleet, parts, faults);
  faults.throwAny();
  return fleet;
}

async function rolesOf({ file, value }: Document<FleetDocument>, faults: Faults): Promise<Role[]> {
  return Promise.all(
    Object.entries(value.roles).map(async ([name, role]) => {
      const hooks = await readHooks(name, role.hooks, dirname(resolve(file)), faults);
      return {
        ...role,
        name,
        agents: role.agents as Role['agents'],
        settings: role.settings as JsonObject,
        hooks,
      } as Role;
    }),
  );
}

const largestHook = 256 * 1024;

async function readHooks(role: string, paths: readonly string[], directory: string, faults: Faults) {
  const hooks: Record<string, string> = {};
  for (const [index, path] of paths.entries()) {
    const at = ['roles', role, 'hooks', String(index)];
    const name = basename(path);
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) faults.add(at, `“${name}” is not a valid name of a script`);
    if (Object.hasOwn(hooks, name)) faults.add(at, `two scripts are called ${name}`);
    try {
      const text = decodeText(await readInput(resolve(directory, path)));
      if (text.length > largestHook) faults.add(at, `${path} is larger than ${largestHook} bytes`);
      hooks[name] = text;
    } catch (error) {
      faults.add(at, `${path} cannot be read: ${explainErrno(error)}`);
    }
  }
  return hooks;
}

function assemble({ file, value, locate }: Document<FleetDocument>, roles: readonly Role[]): Fleet {
  const byName = new Map(roles.map((role) => [role.name, role]));
  const hosts = Object.entries(value.hosts).map(([name, written]): Host => {
    const { role: roleName, facts = {}, ...reached } = hostFields(written);
    const role = byName.get(String(roleName)) as Role;
    return { ...reached, name, role, facts: { ...role.facts, ...facts } };
  });
  const applications = Object.entries(value.applications ?? {}).map(
    ([name, { role, upgrade, ...settings }]): Application => {
      const mine = hosts.filter((host) => host.role.name === role);
      return { name, role, upgrade, clusters: clustersOf(mine), settings: settings as JsonObject };
    },
  );
  return {
    file,
    operators: new Map(Object.entries(value.operators).map(([name, written]) => [name, rightsOf(written)])),
    ...(value.notify === undefined ? {} : { notify: value.notify }),
    ssh: value.ssh ?? {},
    hosts: hosts.map((host) => withCluster(host, applications)),
    roles,
    applications,
    locate,
  };
}

/** Hosts of an application are found by the fact `cluster`: by default, it is the name of their role. */
function withCluster(host: Host, applications: readonly Application[]): Host {
  const runs = applications.some(({ role }) => role === host.role.name);
  if (!runs || host.facts.cluster !== undefined) return host;
  return { ...host, facts: { cluster: host.role.name, ...host.facts } };
}

function rightsOf(written: FleetDocument['operators'][string]): Rights {
  if (written === 'all') return { all: true };
  const { deploy = [], apply = [] } = typeof written === 'string' ? {} : written;
  const list = (names: string | readonly string[]) => (typeof names === 'string' ? [names] : [...names]);
  return { all: false, deploy: list(deploy), apply: list(apply) as Extract<Rights, { all: false }>['apply'] };
}
