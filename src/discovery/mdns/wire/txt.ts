import { instanceOf } from './instance.ts';
import { usuallyPublished } from '../service.ts';
import { anyNodeSubtype, subtypeLabel, type Term } from './subtype.ts';

/** A node's claims by multicast, without any proof. */
export interface ClaimedTerms {
  readonly agents: readonly string[];
  readonly classes: readonly string[];
  /** Published facts only, flat. */
  readonly facts: Readonly<Record<string, string>>;
}

/** A probe carries the TXT record and all subtypes in one packet of 1,440 bytes, or the announcement fails. */
const budget = { txt: 450, subtypes: 12, entry: 255 };

type Entry = readonly [key: string, value: string];

function sizeOf([key, value]: Entry): number {
  return Buffer.byteLength(key) + 1 + Buffer.byteLength(value);
}

/**
 * The TXT record (RFC 6763, 6): `v=1`, `id` when the instance name cannot hold the identity, `f.NAME` for each fact,
 * and the agents and classes as comma lists over `a0 a1 …`, `c0 c1 …`. A list that does not fit is omitted: a list is
 * complete or absent.
 */
export function txtEntries(identity: string, claims: ClaimedTerms): Record<string, string> {
  const entries: Entry[] = [['v', '1']];
  if (instanceOf(identity) !== identity) entries.push(['id', identity]);
  let left = budget.txt - entries.reduce((sum, entry) => sum + sizeOf(entry) + 1, 0);
  const addAll = (group: readonly Entry[]) => {
    const size = group.reduce((sum, entry) => sum + sizeOf(entry) + 1, 0);
    if (size > left || group.some((entry) => sizeOf(entry) > budget.entry)) return;
    left -= size;
    entries.push(...group);
  };
  for (const [name, value] of Object.entries(claims.facts)) {
    if (!/[=\0-\x1f\x7f-\uffff]/.test(name)) addAll([[`f.${name}`, value]]);
  }
  // Together or not at all: classes without agents would read as “runs no agent”.
  addAll([...listEntries('a', claims.agents), ...listEntries('c', claims.classes)]);
  return Object.fromEntries(entries);
}

function listEntries(key: string, names: readonly string[]): Entry[] {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && Buffer.byteLength(last) + Buffer.byteLength(name) < 240)
      lines[lines.length - 1] += `,${name}`;
    else lines.push(name);
  }
  return lines.map((line, index) => [`${key}${index}`, line]);
}

/** The claims in a received TXT record, and the identity if the record has it. */
export function parseTxt(strings: readonly Uint8Array[]): ClaimedTerms & { identity?: string } {
  const facts: Record<string, string> = Object.create(null);
  const lists: Record<'a' | 'c', string[]> = { a: [], c: [] };
  let identity: string | undefined;
  for (const bytes of strings.slice(0, 64)) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(Buffer.from(bytes).toString('utf8')) ?? [];
    if (key === undefined || value === undefined) continue;
    const list = /^([ac])\d$/.exec(key)?.[1];
    if (list === 'a' || list === 'c') lists[list].push(...value.split(',').filter((name) => name !== ''));
    else if (key.startsWith('f.')) facts[key.slice(2)] = value;
    else if (key === 'id') identity = value.toLowerCase();
  }
  return { facts: { ...facts }, agents: lists.a, classes: lists.c, ...(identity === undefined ? {} : { identity }) };
}

/**
 * The labels of the subtypes to announce: of every fact, agent and class; `anyNodeSubtype` too if they are too many or
 * a fact that clients narrow by is not published.
 */
export function subtypesOf({ agents, classes, facts }: ClaimedTerms): string[] {
  const terms: Term[] = [
    ...Object.entries(facts).map(([key, value]) => ({ kind: 'fact', key, value }) as const),
    ...classes.map((value) => ({ kind: 'class', key: '', value }) as const),
    ...agents.map((value) => ({ kind: 'agent', key: '', value }) as const),
  ];
  const labels = [...new Set(terms.map(subtypeLabel))];
  const whole = labels.length <= budget.subtypes && usuallyPublished.every((name) => Object.hasOwn(facts, name));
  return whole ? labels : [anyNodeSubtype, ...labels.slice(0, budget.subtypes - 1)];
}
