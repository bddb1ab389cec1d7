import { Problem } from '../../../core/errors.ts';
import { isNodeName } from '../../../core/identity.ts';
import type { Log } from '../../../core/ports.ts';
import { suggest } from '../../../core/text.ts';
import { openCache } from '../../../discovery/cache/cache.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { loadClientConfig } from '../../../library/config/config.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { formatLastSeen } from '../../render/missing.ts';

interface ForgetOptions extends CommonOptions {
  readonly force?: boolean;
}

/** Retires a known node: it no longer counts as missing, on any node, until it is seen again. */
export async function runForget(typed: string, options: ForgetOptions, context: CliContext): Promise<number> {
  const name = typed.toLowerCase();
  if (!isNodeName(name)) throw new Problem('usage', `“${typed.slice(0, 80)}” is not a valid node name`);
  const { cacheFile } = await loadClientConfig(options.config, context.env);
  const faults: string[] = [];
  const cache = openCache(cacheFile, keepFaults(faults));
  for (const fault of faults.splice(0)) context.err(`warning: ${fault}`);
  const before = cache.nodes().find((node) => node.name === name);
  if (before === undefined && options.force !== true) {
    const hint = suggest(
      name,
      cache.nodes().map((node) => node.name),
    );
    throw new Problem('unknown-node', `this client has never seen ${name}`, `${hint} (--force retires it anyway)`);
  }
  const now = Date.now();
  cache.forget(name, now);
  await cache.save();
  // Elsewhere a cache that cannot be written is only a warning; here it is the whole purpose.
  const fault = faults.at(-1);
  if (fault !== undefined) throw new Problem('unwritable-cache', `${name} is not forgotten: ${fault}`);
  const lastSeen = before?.lastSeen;
  if (options.json === true) context.out(JSON.stringify(asJson(name, lastSeen, now), null, 2));
  else context.out(`${name} is forgotten${lastSeen === undefined ? '' : ` (${formatLastSeen(lastSeen, 'cache')})`}`);
  return exitCode.ok;
}

function asJson(node: string, lastSeen: number | undefined, now: number) {
  return {
    node,
    forgotten: new Date(now).toISOString(),
    last_seen: lastSeen === undefined ? null : new Date(lastSeen).toISOString(),
  };
}

function keepFaults(faults: string[]): Log {
  const keep = (_fields: object, message: string) => void faults.push(message);
  return { debug: () => {}, info: () => {}, warn: keep, error: keep };
}
