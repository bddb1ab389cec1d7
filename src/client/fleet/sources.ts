import type { DiscoverySource, Log } from '../../core/ports.ts';
import type { Cache } from '../../discovery/cache/cache.ts';
import { sourceByName } from '../../discovery/index.ts';
import { readInputList } from '../../discovery/stdin/read.ts';
import type { ClientConfig } from '../cli/config.ts';
import type { CliContext } from '../cli/context.ts';
import { parseDiscoveryOptions } from '../cli/discovery-options.ts';
import type { TargetOptions } from '../cli/target-options.ts';

/** By which method nodes are found: a list that is piped in goes before what the configuration says. */
export function discoveryMethod(
  { nodesFile, method, takesList }: TargetOptions,
  { discovery }: ClientConfig,
  { hasInput }: Pick<CliContext, 'hasInput'>,
): string {
  if (nodesFile !== undefined) return 'file';
  return method ?? (takesList === true && hasInput === true ? 'stdin' : discovery.method);
}

/** Standard input can be read once, and a run has several sets of nodes. */
const lists = new WeakMap<object, () => Promise<string>>();

function listOn({ stdin, err, signal }: CliContext): () => Promise<string> {
  const known = lists.get(stdin);
  if (known !== undefined) return known;
  let text: Promise<string> | undefined;
  const read = () => (text ??= readInputList(stdin, () => err(waiting), signal));
  lists.set(stdin, read);
  return read;
}

const waiting =
  'waiting for the end of the list of nodes on standard input (without a list, start the command with </dev/null)';

/** The source that the options or the configuration name. @throws Problem `usage` */
export function chooseSource(
  targets: TargetOptions,
  config: ClientConfig,
  cache: Cache,
  context: CliContext,
  log: Log,
): DiscoverySource {
  const { discovery } = config;
  const method = discoveryMethod(targets, config, context);
  const given = parseDiscoveryOptions(method, targets.discoveryOptions ?? []);
  const { domain, server, interfaces } = { ...discovery, ...given };
  const file = targets.nodesFile ?? given.file ?? discovery.file;
  return sourceByName(method, {
    interfaces,
    timeout: (targets.discoveryTimeout ?? discovery.timeout) * 1000,
    list: listOn(context),
    cache,
    log,
    ...(file === undefined ? {} : { file }),
    ...(domain === undefined ? {} : { domain }),
    ...(server === undefined ? {} : { server }),
  });
}
