import { isNodeName } from '../../core/identity.ts';
import { isObject } from '../../core/json.ts';
import type { Address } from '../../core/node.ts';

/** A node in its state when its identity was last proven. */
export interface CachedNode {
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly agents: readonly string[];
  readonly classes: readonly string[];
  /** Published facts, flat. */
  readonly facts: Readonly<Record<string, string>>;
  /** Whether its certificate allowed it to relay at the last direct connection. */
  readonly relays?: boolean;
  /** Milliseconds since the epoch. */
  readonly lastSeen: number;
}

export interface CacheContent {
  readonly nodes: ReadonlyMap<string, CachedNode>;
  /** When a node was retired. */
  readonly forgotten: ReadonlyMap<string, number>;
}

/** Beyond these the oldest are dropped. */
const most = { nodes: 20_000, forgotten: 5000 };

/** The newer entry of each node; a node seen after it was retired is known again. */
export function mergeContent(a: CacheContent, b: CacheContent): CacheContent {
  const forgotten = new Map(a.forgotten);
  for (const [name, at] of b.forgotten) forgotten.set(name, Math.max(at, forgotten.get(name) ?? 0));
  const nodes = new Map(a.nodes);
  for (const node of b.nodes.values()) {
    const other = nodes.get(node.name);
    if (other === undefined || other.lastSeen <= node.lastSeen) nodes.set(node.name, node);
  }
  for (const [name, at] of forgotten) {
    const seen = nodes.get(name)?.lastSeen;
    if (seen === undefined) continue;
    if (seen > at) forgotten.delete(name);
    else nodes.delete(name);
  }
  return { nodes, forgotten };
}

export function pruneContent({ nodes, forgotten }: CacheContent): CacheContent {
  const newestNodes = [...nodes].sort(([, a], [, b]) => b.lastSeen - a.lastSeen).slice(0, most.nodes);
  const newestForgotten = [...forgotten].sort(([, a], [, b]) => b - a).slice(0, most.forgotten);
  return { nodes: new Map(newestNodes), forgotten: new Map(newestForgotten) };
}

/** @throws Error when the text is not a cache of this version; single broken entries are skipped */
export function parseContent(text: string): CacheContent {
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || value.version !== 1 || !Array.isArray(value.nodes) || !isObject(value.forgotten)) {
    throw new Error('it is not a cache of this version');
  }
  const nodes = new Map<string, CachedNode>();
  for (const node of value.nodes) if (isCachedNode(node)) nodes.set(node.name, node);
  const forgotten = new Map<string, number>();
  for (const [name, at] of Object.entries(value.forgotten)) {
    if (isNodeName(name) && typeof at === 'number') forgotten.set(name, at);
  }
  return { nodes, forgotten };
}

function isCachedNode(value: unknown): value is CachedNode {
  if (!isObject(value) || typeof value.name !== 'string' || !isNodeName(value.name)) return false;
  const isText = (one: unknown) => typeof one === 'string';
  return (
    typeof value.lastSeen === 'number' &&
    ['boolean', 'undefined'].includes(typeof value.relays) &&
    Array.isArray(value.agents) &&
    value.agents.every(isText) &&
    Array.isArray(value.classes) &&
    value.classes.every(isText) &&
    isObject(value.facts) &&
    Object.values(value.facts).every(isText) &&
    Array.isArray(value.addresses) &&
    value.addresses.every((one) => isObject(one) && isText(one.host) && typeof one.port === 'number')
  );
}
