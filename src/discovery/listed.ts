import { Problem } from '../core/errors.ts';
import { isNodeName } from '../core/identity.ts';
import { isObject } from '../core/json.ts';
import { type Address, type Candidate, defaultPort, parseAddress } from '../core/node.ts';
import { suggest } from '../core/text.ts';

/** The possible keys of a node's name. */
const nameKeys = ['name', 'identity'] as const;

const knownKeys: readonly string[] = [...nameKeys, 'address', 'port'];

/** One entry of a list of nodes, and its position (`nodes.yaml:3`). */
export interface ListEntry {
  readonly value: unknown;
  readonly at: string;
}

/**
 * The nodes of a list: names, or objects with a name, and optionally an address and a port. A name alone has no
 * address: it is then dialled at a known address, or as a host name.
 * @throws Problem `bad-nodes` with the position: no name, a wrong key or address, a name twice
 */
export function parseEntries(entries: readonly ListEntry[], source: string): Candidate[] {
  const seen = new Map<string, string>();
  return entries.map(({ value, at }) => {
    const candidate = parseEntry(value, at, source);
    const before = seen.get(candidate.name);
    if (before !== undefined) throw bad(at, `${candidate.name} occurs twice (first at ${before})`);
    seen.set(candidate.name, at);
    return candidate;
  });
}

function bad(at: string, message: string, hint = ''): Problem {
  return new Problem('bad-nodes', `${at}: ${message}`, hint);
}

const listForm = 'write one name a line; with an address: - { name: NAME, address: ADDRESS }';

function parseEntry(value: unknown, at: string, source: string): Candidate {
  const fields = typeof value === 'string' ? { name: value } : value;
  if (!isObject(fields)) throw bad(at, 'a node is a name, or an object with a “name”');
  const unknown = Object.keys(fields).find((key) => !knownKeys.includes(key));
  if (unknown !== undefined) throw bad(at, `unknown key “${unknown}”: ${suggest(unknown, knownKeys)}`);
  const key = nameKeys.find((one) => Object.hasOwn(fields, one));
  const field = key === undefined ? undefined : fields[key];
  if (typeof field !== 'string') throw bad(at, 'a node needs a “name” (or “identity”)');
  const name = field.trim().toLowerCase();
  if (!isNodeName(name))
    throw bad(at, `“${field.slice(0, 80)}” is not a valid node name`, typeof value === 'string' ? listForm : '');
  return { name, addresses: parseAddresses(fields, at), source };
}

function parseAddresses({ address, port }: Record<string, unknown>, at: string): Address[] {
  if (port !== undefined && !(Number.isInteger(port) && (port as number) > 0 && (port as number) < 65536)) {
    throw bad(at, `“port” must be between 1 and 65535, not ${JSON.stringify(port)}`);
  }
  if (address === undefined) {
    if (port !== undefined) throw bad(at, 'a “port” needs an “address” beside it');
    return [];
  }
  const parsed = typeof address === 'string' ? parseAddress(address) : undefined;
  if (parsed === undefined) throw bad(at, `${JSON.stringify(address)} is not a valid address`);
  if (port !== undefined && parsed.port !== defaultPort && parsed.port !== port) {
    throw bad(at, `“address” and “port” name different ports`);
  }
  return [{ host: parsed.host, port: (port as number | undefined) ?? parsed.port }];
}

/** One name a line; `#` begins a comment. */
export function linesOf(text: string, file: string): ListEntry[] {
  return text
    .split('\n')
    .map((line, index) => ({ value: line.replace(/#.*/, '').trim(), at: `${file}:${index + 1}` }))
    .filter(({ value }) => value !== '');
}
