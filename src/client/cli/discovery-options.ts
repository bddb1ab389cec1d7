import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import { clientConfigSchema } from './config.ts';

/** What `--do` may say of a discovery method, in place of client.yaml. */
export interface GivenDiscovery {
  readonly interfaces?: readonly string[];
  readonly file?: string;
  readonly domain?: string;
  readonly server?: string;
}

const domainName = new RegExp(clientConfigSchema.properties.discovery.properties.domain.pattern);

/** The names that each method takes. */
const known: Readonly<Record<string, readonly string[]>> = {
  mdns: ['interface'],
  file: ['file'],
  dns: ['domain', 'server'],
};

/**
 * Reads the options of a discovery method as `--do name=value` gives them; `interface` may be given more than once.
 * @throws Problem `usage`
 */
export function parseDiscoveryOptions(method: string, given: readonly string[]): GivenDiscovery {
  const names = known[method] ?? [];
  const values = new Map<string, string[]>();
  for (const option of given) {
    const [, name, value] = /^([a-z]+)=(.+)$/s.exec(option) ?? [];
    if (name === undefined || value === undefined) {
      throw new Problem('usage', `--do “${option}” is no option of a discovery method`, 'write --do name=value');
    }
    if (!names.includes(name)) throw unknownOption(method, name, names);
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  const { interface: interfaces, ...single } = Object.fromEntries(values);
  for (const [name, list] of Object.entries(single)) {
    if (list.length > 1) throw new Problem('usage', `--do ${name}=… is given ${list.length} times`, 'give it once');
  }
  const domain = single.domain?.[0];
  if (domain !== undefined && !domainName.test(domain))
    throw new Problem('usage', `“${domain}” is no name of a domain`);
  const texts = Object.fromEntries(Object.entries(single).map(([name, list]) => [name, list[0]]));
  return { ...texts, ...(interfaces === undefined ? {} : { interfaces }) };
}

function unknownOption(method: string, name: string, names: readonly string[]): Problem {
  const hint = names.length === 0 ? 'it takes none' : suggest(name, names);
  return new Problem('usage', `the discovery method ${method} has no option “${name}”`, hint);
}
