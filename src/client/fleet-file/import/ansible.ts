import { Problem } from '../../../core/errors.ts';
import { isNodeName } from '../../../core/identity.ts';
import { isObject, type JsonObject } from '../../../core/json.ts';
import type { DraftHost } from './draft.ts';

/** Groups that Ansible itself makes. */
const implicit = new Set(['all', 'ungrouped', '_meta']);

/**
 * The hosts in the output of `ansible-inventory --list`. A host has one role: its group, or its groups together.
 * @throws Problem `bad-nodes`
 */
export function draftFromAnsible(text: string, file: string): DraftHost[] {
  let inventory: unknown;
  try {
    inventory = JSON.parse(text);
  } catch (cause) {
    const hint = 'make it with: ansible-inventory --list';
    throw new Problem('bad-nodes', `${file}: it is not the JSON of an inventory`, hint, { cause });
  }
  const groups = isObject(inventory) ? inventory : {};
  const variables = isObject(groups._meta) && isObject(groups._meta.hostvars) ? groups._meta.hostvars : {};
  const members = membersOf(groups);
  const names = [...new Set([...Object.keys(variables), ...members.keys()])];
  if (names.length === 0) throw new Problem('bad-nodes', `${file}: there are no hosts in it`);
  return names.map((name) => hostOf(name, members.get(name) ?? [], variables[name], file));
}

/** The groups that directly contain a host: their parents are less specific. */
function membersOf(groups: Readonly<Record<string, unknown>>): Map<string, string[]> {
  const members = new Map<string, string[]>();
  for (const [group, value] of Object.entries(groups)) {
    const hosts = isObject(value) && Array.isArray(value.hosts) ? value.hosts : [];
    for (const host of hosts.map(String)) {
      const known = members.get(host) ?? [];
      members.set(host, implicit.has(group) ? known : [...known, group]);
    }
  }
  return members;
}

function hostOf(written: string, groups: readonly string[], variables: unknown, file: string): DraftHost {
  const name = written.toLowerCase();
  if (!isNodeName(name)) throw new Problem('bad-nodes', `${file}: “${written.slice(0, 80)}” is not a valid node name`);
  const text = (key: string) => {
    const value = isObject(variables) ? variables[key] : undefined;
    return value === undefined ? undefined : String(value);
  };
  const ansibleHost = text('ansible_host');
  const [user, port] = [
    text('ansible_user') ?? text('ansible_ssh_user'),
    text('ansible_port') ?? text('ansible_ssh_port'),
  ];
  const at = ansibleHost ?? name;
  const login = `${user === undefined ? '' : `${user}@`}${at.includes(':') ? `[${at}]` : at}${port === undefined ? '' : `:${port}`}`;
  const address = text('mco_deploy_address') ?? ansibleHost;
  return {
    name,
    ...(address === undefined ? {} : { address }),
    ...(user === undefined && port === undefined ? {} : { ssh: login }),
    facts: {},
    role:
      groups.length === 0
        ? 'node'
        : [...groups]
            .sort()
            .join('_')
            .replaceAll(/[^A-Za-z0-9_.-]/g, '_'),
    content: {} as JsonObject,
    applications: {},
  };
}
