import { isObject } from '../../core/json.ts';
import type { NodeConfig } from './config.ts';

/**
 * What `rpcutil get_config_item` may return, by its place in node.yaml. It is a list of allowed items, so that nothing
 * added later is returned by accident: never the sections of agents, which contain passwords and addresses with tokens.
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

/** The value of an item that may be returned, else undefined, whether there is another or not. */
export function configItem(config: NodeConfig, item: string): unknown {
  if (!configItems.some((known) => known === item)) return undefined;
  return item
    .split('.')
    .reduce<unknown>((value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined), config);
}
