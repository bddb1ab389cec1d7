import type { DiscoverySource, Log } from '../../core/ports.ts';
import type { Cache } from '../../discovery/cache/cache.ts';
import { sourceByName } from '../../discovery/index.ts';
import type { ClientConfig } from '../cli/config.ts';
import type { CliContext } from '../cli/context.ts';
import { parseDiscoveryOptions } from '../cli/discovery-options.ts';
import type { TargetOptions } from '../cli/target-options.ts';

/** By which method nodes are found. */
export function discoveryMethod(targets: TargetOptions, { discovery }: ClientConfig): string {
  return targets.nodesFile === undefined ? (targets.method ?? discovery.method) : 'file';
}

/** The source that the options or the configuration name. @throws Problem `usage` */
export function chooseSource(
  targets: TargetOptions,
  config: ClientConfig,
  cache: Cache,
  { stdin }: CliContext,
  log: Log,
): DiscoverySource {
  const { discovery } = config;
  const method = discoveryMethod(targets, config);
  const given = parseDiscoveryOptions(method, targets.discoveryOptions ?? []);
  const { domain, server, interfaces } = { ...discovery, ...given };
  const file = targets.nodesFile ?? given.file ?? discovery.file;
  return sourceByName(method, {
    interfaces,
    timeout: (targets.discoveryTimeout ?? discovery.timeout) * 1000,
    stdin,
    cache,
    log,
    ...(file === undefined ? {} : { file }),
    ...(domain === undefined ? {} : { domain }),
    ...(server === undefined ? {} : { server }),
  });
}
