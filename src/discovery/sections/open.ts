import type { DiscoverySource } from '../../core/ports.ts';
import type { ConsulSourceConfig } from '../consul/config.ts';
import type { ExecSourceConfig } from '../exec/config.ts';
import type { PuppetdbSourceConfig } from '../puppetdb/config.ts';
import type { SqlSourceConfig } from '../sql/config.ts';
import { inClientYaml } from './place.ts';

/**
 * Opens the source of a section by its name. The code of each is loaded only then.
 * @param timeout milliseconds for an answer
 * @param place where the section stands
 */
export const openSection = {
  exec: async (config: ExecSourceConfig, place = inClientYaml): Promise<DiscoverySource> =>
    (await import('../exec/source.ts')).execSource(config, place),
  consul: async (config: ConsulSourceConfig, timeout: number, place = inClientYaml): Promise<DiscoverySource> =>
    (await import('../consul/source.ts')).consulSource(config, timeout, place),
  puppetdb: async (config: PuppetdbSourceConfig, place = inClientYaml): Promise<DiscoverySource> =>
    (await import('../puppetdb/source.ts')).puppetdbSource(config, place),
  sql: async (config: SqlSourceConfig, place = inClientYaml): Promise<DiscoverySource> =>
    (await import('../sql/source.ts')).sqlSource(config, place),
} as const;
