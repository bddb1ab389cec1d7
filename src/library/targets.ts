import { Problem } from '../core/errors.ts';
import type { FilterTerms } from '../core/wire/messages.ts';
import type { DiscoveryOptions, Filter } from './api.ts';
import type { TargetOptions } from './fleet/targets.ts';

/** @param agent the agent to call, which the nodes must run @throws Problem `usage` */
export function targetsOf(filter: Filter, options: DiscoveryOptions, agent?: string): TargetOptions {
  const { method, file, discoveryTimeout, timeout, limit, limitSeed } = options;
  return {
    filter: termsOf(filter, agent),
    nodesFile: file,
    method,
    discoveryTimeout: inSeconds('discoveryTimeout', discoveryTimeout),
    timeout: inSeconds('timeout', timeout),
    limit: limitOf(limit),
    limitSeed,
  };
}

function termsOf(
  { facts = [], classes = [], agents = [], nodes = [], select = '' }: Filter,
  agent?: string,
): FilterTerms {
  return {
    facts: Array.isArray(facts) ? [...facts] : Object.entries(facts).map(([name, value]) => equals(name, value)),
    classes: [...classes],
    agents: [...agents, ...(agent === undefined ? [] : [agent])],
    identities: [...nodes],
    with: [],
    select,
  };
}

/** A value that contains an operator, or resembles a regex, would be read as something else. */
function equals(name: string, value: string | number | boolean): string {
  const text = String(value);
  if (!/[=<>~]|^\/|^\s|\s$|^$/.test(text)) return `${name}=${text}`;
  const hint = `write facts: ['${name}=…'] or select, with the value as the command line takes it`;
  throw new Problem('usage', `the fact ${name} can't be compared with “${text}” in this form`, hint);
}

function inSeconds(name: string, milliseconds: number | undefined): number | undefined {
  if (milliseconds === undefined) return undefined;
  if (milliseconds > 0 && milliseconds <= 86_400_000) return milliseconds / 1000;
  throw new Problem('usage', `${name} must be a number of milliseconds, a day at most`);
}

function limitOf(limit: number | string | undefined): string | undefined {
  if (limit === undefined || /^([1-9]\d{0,8}|100%|[1-9]\d?%)$/.test(String(limit))) {
    return limit === undefined ? undefined : String(limit);
  }
  throw new Problem('usage', `“${limit}” is not a valid limit`, "give a number or a percentage, such as 3 or '20%'");
}
