import { Problem } from '../core/errors.ts';
import { isObject, type JsonObject } from '../core/json.ts';
import type { Candidate } from '../core/node.ts';
import type { FilterTerms } from '../core/wire/messages.ts';
import { type ListEntry, parseEntries } from './listed.ts';
import { mayMatch } from './may-match.ts';
import type { SettingsPlace } from './sections/place.ts';

/** A node in a list from a database or a program: its address and its claims. */
export interface ClaimedNode {
  readonly name: string;
  readonly address?: string;
  readonly port?: number;
  /** Claims: they save a connection to a node that they rule out, and prove nothing. */
  readonly facts?: JsonObject;
}

/** The maximum number of nodes in one answer; a longer one is refused. */
const mostNodes = 50_000;

/**
 * The candidates of a list of claims that may match the filter. The whole list is checked before any of it is used.
 * @param source the name of the source, for `--dm`
 * @param from the origin of the list, for messages: `the catalogue of https://…`
 * @param place where the settings of the source stand
 * @throws Problem `empty-source` when it lists nobody at all, `bad-nodes` with the entry at fault
 */
export function candidatesOf(
  claimed: readonly ClaimedNode[],
  source: string,
  from: string,
  filter: FilterTerms,
  place: SettingsPlace,
): Candidate[] {
  if (claimed.length === 0) {
    const hint = `check its settings: ${place(source)}`;
    throw new Problem('empty-source', `${from} lists no nodes`, hint);
  }
  if (claimed.length > mostNodes) {
    throw new Problem('bad-nodes', `${from} lists ${claimed.length} nodes: at most ${mostNodes} are read`);
  }
  const entries = claimed.map(
    ({ facts: _, ...value }, index): ListEntry => ({ value, at: `${from}, node ${index + 1}` }),
  );
  const candidates = parseEntries(entries, source);
  const mayBe = mayMatch(filter);
  return candidates.filter(({ name }, index) =>
    mayBe({ name, agents: [], classes: [], facts: claimed[index]?.facts ?? {} }),
  );
}

/** The facts that a row or a map of strings claims, only those that are text, numbers or booleans. */
export function claimedFacts(values: Readonly<Record<string, unknown>>): JsonObject {
  const plain = Object.entries(values).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
  return Object.fromEntries(plain) as JsonObject;
}

/** @throws Problem `bad-nodes` when it is not a JSON object */
export function requireObject(value: unknown, what: string): Record<string, unknown> {
  if (isObject(value)) return value;
  throw new Problem('bad-nodes', `${what} is not an object`);
}
