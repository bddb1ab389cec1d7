import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import type { ListEntry } from '../listed.ts';

/** Variables with the address of a node; Ansible's own port is that of SSH, which no node uses. */
const variables = { address: ['mco_deploy_address', 'ansible_host'], port: ['mco_deploy_port'] } as const;

/** The hosts' variables in the output of `ansible-inventory --list`; undefined for any other document. */
export function ansibleHosts(root: unknown): YAMLMap | undefined {
  const meta = isMap(root) ? root.get('_meta') : undefined;
  const hosts = isMap(meta) ? meta.get('hostvars') : undefined;
  return isMap(hosts) ? hosts : undefined;
}

/**
 * The hosts of an Ansible inventory: those with variables, and those that are only in a group, each once.
 * @param at the position of a node of the document, for messages
 */
export function ansibleEntries(root: YAMLMap, hosts: YAMLMap, at: (offset?: number) => string): ListEntry[] {
  const entries = new Map<string, ListEntry>();
  const add = (name: unknown, node: Node, value: object) => {
    const key = String(name);
    if (!entries.has(key)) entries.set(key, { value: { name, ...value }, at: at(node.range?.[0]) });
  };
  for (const { key, value } of hosts.items) {
    if (isScalar(key)) add(key.value, key, isMap(value) ? placeOf(value) : {});
  }
  for (const { key, value: group } of root.items) {
    const members = isMap(group) && !(isScalar(key) && key.value === '_meta') ? group.get('hosts') : undefined;
    if (!isSeq(members)) continue;
    for (const member of members.items) if (isScalar(member)) add(member.value, member, {});
  }
  return [...entries.values()];
}

function placeOf(host: YAMLMap): object {
  const first = (names: readonly string[]) => names.map((name) => host.get(name)).find((value) => value !== undefined);
  const address = first(variables.address);
  const port = address === undefined ? undefined : first(variables.port);
  return { ...(address === undefined ? {} : { address }), ...(port === undefined ? {} : { port }) };
}
