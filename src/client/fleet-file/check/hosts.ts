import { isNodeName } from '../../../core/identity.ts';
import { parseAddress } from '../../../core/node.ts';
import { Problem } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import { parseTarget } from '../../install/target.ts';
import type { Faults } from './faults.ts';
import type { Facts } from '../model.ts';
import type { FleetDocument } from '../schema.ts';

type HostDocument = FleetDocument['hosts'][string];

interface HostFields {
  readonly role: string | readonly string[];
  readonly address?: string;
  readonly ssh?: string;
  readonly facts?: Facts;
}

export function checkHosts({ hosts, roles }: FleetDocument, faults: Faults): void {
  const endpoints = new Map<string, string>();
  for (const [name, declared] of Object.entries(hosts)) {
    const path = ['hosts', name];
    const { role, address, ssh } = hostFields(declared);
    if (!isNodeName(name)) {
      faults.add(path, `“${name.slice(0, 80)}” is not a valid node name: use a host name in lower case`, true);
    }
    checkRole(
      name,
      role,
      isObject(declared) && !Array.isArray(declared) ? [...path, 'role'] : path,
      Object.keys(roles),
      faults,
    );
    if (address !== undefined && parseAddress(address) === undefined) {
      faults.add([...path, 'address'], `“${address.slice(0, 80)}” is not a valid address: write HOST or HOST:PORT`);
    }
    if (ssh !== undefined) checkSsh(name, ssh, path, faults);
    // The same machine under two names would be in two roles.
    for (const endpoint of new Set([address, ssh].filter((one) => one !== undefined))) {
      const other = endpoints.get(endpoint);
      if (other !== undefined && other !== name) {
        faults.add(path, `${name} and ${other} are the same host, ${endpoint}: a host has one name and one role`, true);
      }
      endpoints.set(endpoint, name);
    }
  }
}

/** Either only a host’s role, or all its settings. */
export function hostFields(declared: HostDocument): HostFields {
  return isObject(declared) && !Array.isArray(declared)
    ? (declared as unknown as HostFields)
    : { role: declared as string | string[] };
}

function checkRole(
  host: string,
  role: string | readonly string[],
  path: readonly string[],
  known: readonly string[],
  faults: Faults,
): void {
  if (typeof role === 'string') {
    faults.requireKnown(path, 'role', role, known);
    return;
  }
  const what = role.length === 2 ? `in two roles, ${role.join(' and ')}` : 'in a list of roles';
  faults.add(path, `${host} is ${what}: a host has one role; define a role with the agents of both`);
}

function checkSsh(name: string, ssh: string, path: readonly string[], faults: Faults): void {
  try {
    if (ssh.includes('='))
      throw new Problem('usage', `“${ssh.slice(0, 80)}” is not a valid host`, 'write USER@HOST:PORT');
    parseTarget(`${isNodeName(name) ? name : 'host'}=${ssh}`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    faults.add([...path, 'ssh'], `“${ssh.slice(0, 80)}” is not a valid host for ssh: write USER@HOST:PORT`);
  }
}
