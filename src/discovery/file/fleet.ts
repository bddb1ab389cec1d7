import { isMap, isScalar, type YAMLMap } from 'yaml';
import type { ListEntry } from '../listed.ts';

/** The hosts of a fleet.yaml; undefined for any other document. */
export function declaredHosts(root: unknown): YAMLMap | undefined {
  if (!isMap(root) || !root.has('roles')) return undefined;
  const hosts = root.get('hosts');
  return isMap(hosts) ? hosts : undefined;
}

/** Each host by its name and, if it has one, its address; the rest of the file is ignored. */
export function declaredEntries(hosts: YAMLMap, at: (offset?: number) => string): ListEntry[] {
  return hosts.items.flatMap(({ key, value }) => {
    if (!isScalar(key)) return [];
    const address = isMap(value) ? value.get('address') : undefined;
    return [{ value: { name: key.value, ...(address === undefined ? {} : { address }) }, at: at(key.range?.[0]) }];
  });
}
