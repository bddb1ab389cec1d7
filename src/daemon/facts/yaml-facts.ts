import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  parseDocument,
  type Scalar,
} from 'yaml';
import { explainYaml } from '../../core/files/yaml/yaml-fault.ts';
import type { LostFact } from './representable.ts';

/** How Puppet's agent marks its own facts (cache/yaml/facts/NODE.yaml); the facts are under `values`. */
const puppetFacts = '!ruby/object:Puppet::Node::Facts';

const deepest = 64;

/** The content of a YAML text as plain values, and those parts whose name or value is not possible for facts. */
export interface YamlFacts {
  readonly value: unknown;
  readonly lost: readonly LostFact[];
  readonly notes: readonly string[];
}

/**
 * Reads YAML as Ruby and Puppet write it. Ruby's tags are read as text: the marked values stay as written. An
 * impossible value or key affects only itself; of a duplicate key the last value counts, as in Ruby.
 * @throws Error when the text is not YAML
 */
export function parseYaml(text: string): YamlFacts {
  const parsed = parseDocument(text, { uniqueKeys: false, stringKeys: false, intAsBigInt: true, merge: true });
  // An unknown tag only causes a warning: the marked value is then text, a mapping or a list.
  const [broken] = parsed.errors;
  if (broken !== undefined) {
    const { line, message } = explainYaml(broken, parsed, text);
    throw new Error(`line ${line}: ${message}`);
  }
  const reading = new YamlReading(parsed, text);
  const value = reading.value(parsed.contents, []) ?? {};
  const isPuppets = parsed.contents?.tag === puppetFacts;
  return {
    value: isPuppets ? (value as { values?: unknown }).values : value,
    lost: reading.lost,
    notes: reading.notes,
  };
}

/** One text on its way to plain values. */
class YamlReading {
  readonly lost: LostFact[] = [];
  readonly notes: string[] = [];
  readonly #document: Document.Parsed;
  readonly #text: string;
  /** An alias may stand for a large value: the total that is read is limited. */
  #left = 1_000_000;

  constructor(document: Document.Parsed, text: string) {
    this.#document = document;
    this.#text = text;
  }

  value(node: unknown, path: readonly string[]): unknown {
    this.#left -= 1;
    if (this.#left < 0) throw new Error('it has too many values: does it use aliases many times over?');
    if (path.length > deepest) return this.#lose(path, `it is nested deeper than ${deepest} levels`);
    if (isAlias(node)) return this.#aliased(node, path);
    if (isMap(node)) return this.#mapping(node.items, path);
    // An item of an ordered mapping (`!!omap`).
    if (isPair(node)) return this.#mapping([node], path);
    if (isSeq(node)) return node.items.map((item, at) => this.value(item, [...path, String(at)]));
    return isScalar(node) ? this.#scalar(node, path) : null;
  }

  #lose(path: readonly string[], why: string): undefined {
    this.lost.push({ key: path.join('.').slice(0, 200), why });
    return undefined;
  }

  #aliased(alias: Alias, path: readonly string[]): unknown {
    const node = alias.resolve(this.#document);
    return node === undefined
      ? this.#lose(path, `it refers to “${alias.source}”, which is not there`)
      : this.value(node, path);
  }

  #mapping(pairs: readonly Pair[], path: readonly string[]): unknown {
    const entries = new Map<string, unknown>();
    const merged = new Map<string, unknown>();
    for (const pair of pairs) {
      const key = this.#key(pair.key, path);
      if (key === undefined) continue;
      const value = this.value(pair.value, [...path, key]);
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        mergeInto(merged, value);
        continue;
      }
      if (entries.has(key)) this.notes.push(`${[...path, key].join('.')} occurs twice: the last value counts`);
      if (value !== undefined) entries.set(key, value);
    }
    return Object.fromEntries(
      [...merged, ...entries].filter(
        ([name]) => name !== '__proto__' || this.#lose([...path, name], 'its name is reserved'),
      ),
    );
  }

  #key(node: unknown, path: readonly string[]): string | undefined {
    const target = isAlias(node) ? node.resolve(this.#document) : node;
    if (!isScalar(target)) return this.#lose([...path, '?'], 'its name is a list or a mapping');
    const { value } = target;
    return typeof value === 'string' ? plainText(target, value) : (this.#source(target) ?? String(value));
  }

  #scalar(node: Scalar, path: readonly string[]): unknown {
    const { value, tag } = node;
    if (value instanceof Uint8Array) return this.#binary(Buffer.from(value).toString('base64'), path);
    if (typeof value === 'string') return tag === '!binary' ? this.#binary(value, path) : plainText(node, value);
    if (typeof value === 'bigint') return value >= -maxSafe && value <= maxSafe ? Number(value) : value;
    if (typeof value === 'number' && !Number.isFinite(value)) return this.#source(node) ?? String(value);
    return value instanceof Date ? (this.#source(node) ?? value.toISOString()) : value;
  }

  /** Bytes that are text become that text; others stay as written, in base64. */
  #binary(base64: string, path: readonly string[]): string {
    const packed = base64.replaceAll(/\s+/g, '');
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(packed, 'base64'));
    } catch {
      this.notes.push(`${path.join('.')} holds bytes that are not text: they are kept in base64`);
      return packed;
    }
  }

  #source({ range }: Scalar): string | undefined {
    return range ? this.#text.slice(range[0], range[1]).trim() : undefined;
  }
}

/** Of several merged mappings, the first one that has a name counts. */
function mergeInto(merged: Map<string, unknown>, mappings: unknown): void {
  for (const mapping of [mappings].flat()) {
    for (const [name, value] of Object.entries(mapping ?? {})) if (!merged.has(name)) merged.set(name, value);
  }
}

const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);

/** `:name` without quotes is a symbol in Ruby, which becomes text. */
function plainText({ type, tag }: Scalar, value: string): string {
  return type === 'PLAIN' && tag === undefined && /^:[A-Za-z_]\w*$/.test(value) ? value.slice(1) : value;
}
