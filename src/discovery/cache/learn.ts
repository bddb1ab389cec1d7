import { explain } from '../../core/errors.ts';
import { parseJsonObject } from '../../core/json.ts';
import type { Address } from '../../core/node.ts';
import type { Log } from '../../core/ports.ts';
import type { NodeDescription } from '../../core/wire/messages.ts';
import { isDescribed } from '../attempt.ts';
import type { Cache } from './cache.ts';

/** A node that was proven, with its own description. */
export interface LearnedNode {
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly description: NodeDescription;
  readonly connection: { readonly hasRelayRole?: boolean; readonly path?: readonly string[] };
}

/**
 * Remembers proven nodes, and stores them. A requested or published fact that the node does not have now keeps its old
 * value: a node that lost its facts is still known as a member.
 * @param asked names of facts
 */
export async function learn(
  cache: Cache,
  nodes: readonly LearnedNode[],
  asked: readonly string[],
  now: number,
  log: Log,
): Promise<void> {
  const before = new Map(cache.nodes().map((node) => [node.name, node]));
  const keptFacts = (name: string, published: readonly string[]) =>
    Object.entries(before.get(name)?.facts ?? {}).filter(([key]) => asked.includes(key) || published.includes(key));
  cache.remember(
    nodes.flatMap(({ name, description, addresses, connection }) => {
      // It was proven and got another question: its known data stays.
      if (!isDescribed(description)) return before.get(name) ?? [];
      const isRelayed = (connection.path ?? []).length > 0;
      // A relay's report of a node says nothing about its certificate.
      const relays = connection.hasRelayRole ?? before.get(name)?.relays ?? false;
      return {
        name,
        // Over a relay, it was not proven at any address.
        addresses: isRelayed ? (before.get(name)?.addresses ?? []) : addresses,
        ...(relays && { relays }),
        agents: description.agents.map((agent) => agent.name),
        classes: description.classes,
        facts: {
          ...Object.fromEntries(keptFacts(name, description.published)),
          ...flatFacts(description.facts, name, log),
        },
      };
    }),
    now,
  );
  await cache.save();
}

function flatFacts(bytes: Uint8Array, name: string, log: Log): Record<string, string> {
  try {
    const facts = Object.entries(parseJsonObject(bytes, `the facts of ${name}`));
    const flat = facts.filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
    return Object.fromEntries(flat.map(([key, value]) => [key, String(value)]));
  } catch (error) {
    log.warn({ node: name }, explain(error));
    return {};
  }
}
