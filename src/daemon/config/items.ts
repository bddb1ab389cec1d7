import { isObject } from '../../core/json.ts';
import type { NodeConfig } from './config.ts';

/**
 * What `rpcutil get_config_item` may tell, by its place in node.yaml. A list of what is allowed, so that nothing which is
 * added later is told unless somebody thought of it: never the sections of agents, which hold passwords and addresses with
 * tokens in them.
 */
export const configItems = [
  'audit.file',
  'audit.keep',
  'audit.max_age',
  'audit.max_bytes',
  'audit.spool_bytes',
  'classes',
  'clock_grace',
  'concurrency',
  'discovery.interfaces',
  'discovery.mdns',
  'external.directory',
  'external.plugins',
  'facts.directory',
  'facts.publish',
  'limits',
  'listen.address',
  'listen.max_connections',
  'listen.port',
  'log.level',
  'policies',
  'state',
  'tls.ca',
  'tls.certificate',
  'tls.crl',
] as const;

/** The value of an item that may be told, else undefined: whether there is another is not told either. */
export function configItem(config: NodeConfig, item: string): unknown {
  if (!configItems.some((known) => known === item)) return undefined;
  return item
    .split('.')
    .reduce<unknown>((value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined), config);
}
