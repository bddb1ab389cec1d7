import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import { clientConfigSchema } from '../config/config.ts';

/** The options of `--do` for a discovery method, instead of client.yaml's. */
export interface GivenDiscovery {
  readonly interfaces?: readonly string[];
  readonly file?: string;
  readonly domain?: string;
  readonly server?: string;
  /** For methods with their own section: its keys that are given. */
  readonly section?: Readonly<Record<string, string>>;
}

const domainName = new RegExp(clientConfigSchema.properties.discovery.properties.domain.pattern);

/** The names that each method takes. */
const known: Readonly<Record<string, readonly string[]>> = {
  mdns: ['interface'],
  file: ['file'],
  dns: ['domain', 'server'],
  consul: ['url', 'service', 'datacenter', 'tag', 'domain'],
  puppetdb: ['url', 'query'],
  sql: ['url', 'query'],
};

/** Methods whose options have their own section in client.yaml. */
const withSection: readonly string[] = ['consul', 'puppetdb', 'sql'];

/**
 * Reads the options of a discovery method in the form `--do name=value`; `interface` may be given more than once.
 * @throws Problem `usage`
 */
export function parseDiscoveryOptions(method: string, typed: readonly string[]): GivenDiscovery {
  const names = known[method] ?? [];
  const values = new Map<string, string[]>();
  for (const option of typed) {
    const [, name, value] = /^([a-z]+)=(.+)$/s.exec(option) ?? [];
    if (name === undefined || value === undefined) {
      throw new Problem(
        'usage',
        `--do “${option}” is not a valid option of a discovery method`,
        'write --do name=value',
      );
    }
    if (!names.includes(name)) throw unknownOption(method, name, names);
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  const { interface: interfaces, ...single } = Object.fromEntries(values);
  for (const [name, list] of Object.entries(single)) {
    if (list.length > 1) throw new Problem('usage', `--do ${name}=… is given ${list.length} times`, 'give it once');
  }
  const texts = Object.fromEntries(Object.entries(single).map(([name, list]) => [name, list[0] ?? '']));
  if (withSection.includes(method)) return Object.keys(texts).length === 0 ? {} : { section: texts };
  const { domain } = texts;
  if (domain !== undefined && !domainName.test(domain))
    throw new Problem('usage', `“${domain}” is not a valid domain name`);
  return { ...texts, ...(interfaces === undefined ? {} : { interfaces }) };
}

function unknownOption(method: string, name: string, names: readonly string[]): Problem {
  const hint = names.length === 0 ? 'it takes none' : suggest(name, names);
  return new Problem('usage', `the discovery method ${method} has no option “${name}”`, hint);
}
