import type { DiscoverySource } from '../../core/ports.ts';
import type { ConsulSourceConfig } from '../consul/config.ts';
import type { ExecSourceConfig } from '../exec/config.ts';
import type { PuppetdbSourceConfig } from '../puppetdb/config.ts';
import type { SqlSourceConfig } from '../sql/config.ts';

/** Opens the source of a section by its name. The code of each is loaded only then. @param timeout milliseconds for an answer */
export const openSection = {
  exec: async (config: ExecSourceConfig): Promise<DiscoverySource> =>
    (await import('../exec/source.ts')).execSource(config),
  consul: async (config: ConsulSourceConfig, timeout: number): Promise<DiscoverySource> =>
    (await import('../consul/source.ts')).consulSource(config, timeout),
  puppetdb: async (config: PuppetdbSourceConfig): Promise<DiscoverySource> =>
    (await import('../puppetdb/source.ts')).puppetdbSource(config),
  sql: async (config: SqlSourceConfig): Promise<DiscoverySource> =>
    (await import('../sql/source.ts')).sqlSource(config),
} as const;
