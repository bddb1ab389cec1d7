import { parseDocument } from 'yaml';
import { isObject, type JsonObject, parseJsonObject } from '../../core/json.ts';

/** How Puppet's agent marks its own facts (cache/yaml/facts/NODE.yaml); the facts are under `values`. */
const puppetFacts = '!ruby/object:Puppet::Node::Facts';

/** Tags of Ruby that say nothing but how Puppet kept a value. */
const rubyTags = [
  { tag: puppetFacts, collection: 'map' as const, resolve: (map: unknown) => map },
  { tag: '!ruby/sym', resolve: (text: string) => text },
];

/** @throws Error or Problem that says why not */
export function parseYamlFacts(text: string): JsonObject {
  // Puppet marks some of its keys as symbols, which are no strings to the parser; they are to JSON.
  const stringKeys = !text.includes(puppetFacts);
  const parsed = parseDocument(text, { stringKeys, customTags: rubyTags as never });
  // A tag that YAML does not know is a warning there; here it would be a fact that means something else.
  const [broken] = [...parsed.errors, ...parsed.warnings];
  if (broken !== undefined) throw new Error(broken.message.split('\n', 1)[0]);
  const value: unknown = parsed.toJS({ maxAliasCount: 100 }) ?? {};
  const facts = parsed.contents?.tag === puppetFacts && isObject(value) ? value.values : value;
  if (!isObject(facts)) throw new Error('it is no mapping');
  // Dates, big integers and what else YAML knows become what JSON can carry.
  return parseJsonObject(JSON.stringify(facts), 'it');
}

/** What a program printed: JSON, `name=value` lines as Facter's external facts have them, or YAML. */
export function parsePrintedFacts(text: string): JsonObject {
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) return parseJsonObject(trimmed, 'what it printed');
  const lines = trimmed.split('\n').filter((line) => line.trim() !== '');
  const pairs = lines.map((line) => /^([A-Za-z0-9_:.-]{1,200})=(.*)$/.exec(line));
  if (pairs.every((pair) => pair !== null)) {
    return parseJsonObject(JSON.stringify(Object.fromEntries(pairs.map(([, name, value]) => [name, value]))), 'it');
  }
  return parseYamlFacts(text);
}
