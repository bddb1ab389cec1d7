import { interpretSchema } from '../../core/ddl/interpret/schema.ts';
import { faultsOf } from '../../core/ddl/schema.ts';
import { Problem } from '../../core/errors.ts';
import type { DiscoverySource, Log } from '../../core/ports.ts';
import type { Cache } from '../../discovery/cache/cache.ts';
import { sourceByName } from '../../discovery/index.ts';
import { type ClientConfig, clientConfigSchema } from '../config/config.ts';
import { type GivenDiscovery, parseDiscoveryOptions } from './discovery-options.ts';
import type { Relays } from '../relays/relays.ts';
import type { TargetOptions } from './targets.ts';
import type { Environment } from './environment.ts';

/** Chooses the discovery method: a piped list takes precedence over the configuration. */
export function discoveryMethod(
  { nodesFile, method, takesList }: TargetOptions,
  { discovery }: ClientConfig,
  { hasInput }: { readonly hasInput?: boolean },
): string {
  if (nodesFile !== undefined) return 'file';
  return method ?? (takesList === true && hasInput === true ? 'stdin' : discovery.method);
}

/** The means of a command to find nodes. */
export interface Finders {
  readonly cache: Cache;
  readonly log: Log;
  /** Relays ask their own segments: this host asks nothing by multicast, unless `--dm mdns` says so. */
  readonly relays?: Pick<Relays, 'ask'>;
}

/** The source that the options or the configuration name. @throws Problem `usage` */
export function chooseSource(
  targets: TargetOptions,
  config: ClientConfig,
  { cache, log, relays }: Finders,
  environment: Pick<Environment, 'hasInput' | 'list'>,
): DiscoverySource {
  const { discovery } = config;
  const chosen = discoveryMethod(targets, config, environment);
  const method = chosen === 'mdns' && relays !== undefined && targets.method === undefined ? 'relay' : chosen;
  const parsed = parseDiscoveryOptions(method, targets.discoveryOptions ?? []);
  const { domain, server, interfaces } = { ...discovery, ...parsed };
  const sections = { ...discovery, ...sectionOf(method, discovery, parsed.section) };
  const file = targets.nodesFile ?? parsed.file ?? discovery.file;
  return sourceByName(method, {
    interfaces,
    timeout: (targets.discoveryTimeout ?? discovery.timeout) * 1000,
    list: environment.list,
    cache,
    log,
    ...(relays === undefined ? {} : { askRelays: relays.ask }),
    ...(file === undefined ? {} : { file }),
    ...(domain === undefined ? {} : { domain }),
    ...(server === undefined ? {} : { server }),
    ...(sections.exec === undefined ? {} : { exec: sections.exec }),
    ...(sections.consul === undefined ? {} : { consul: sections.consul }),
    ...(sections.puppetdb === undefined ? {} : { puppetdb: sections.puppetdb }),
    ...(sections.sql === undefined ? {} : { sql: sections.sql }),
  });
}

type Sections = Pick<ClientConfig['discovery'], 'consul' | 'puppetdb' | 'sql'>;

/** A method's section of client.yaml with the command's options in its place, checked again. */
function sectionOf(method: string, discovery: Sections, typed: GivenDiscovery['section']): Sections {
  if (typed === undefined) return {};
  const { properties } = clientConfigSchema.properties.discovery;
  const name = method as keyof Sections;
  const section = { ...discovery[name], ...typed };
  const validate = interpretSchema(properties[name]);
  if (validate(section)) return { [name]: section };
  const [fault] = faultsOf(validate);
  throw new Problem('usage', `--do: ${fault?.path.join('.') ?? ''} ${fault?.message ?? 'is not valid'}`.trim());
}
