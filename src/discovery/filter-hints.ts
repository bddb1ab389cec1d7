import { testsIn } from '../core/filter/expression.ts';
import { parseFilter } from '../core/filter/filter.ts';
import { nearest, printable } from '../core/text.ts';
import type { FilterTerms } from '../core/wire/messages.ts';
import type { Sorted } from './findings.ts';
import type { KnownNode } from './known.ts';

/** The known values of nodes: of those that answered, and those that are remembered. */
interface KnownWords {
  readonly names: readonly string[];
  /** The values of each fact that are known. */
  readonly facts: ReadonlyMap<string, ReadonlySet<string>>;
  readonly classes: ReadonlySet<string>;
  readonly agents: ReadonlySet<string>;
}

/**
 * Terms of a filter that no node has, and similar ones: a short name, a mistyped fact, class or agent. Each name that
 * is not found is reported; the others only if no node matches.
 * @param listed names of nodes that were not asked, because of their names
 */
export function filterHints(
  filter: FilterTerms,
  sorted: Sorted,
  remembered: () => readonly KnownNode[],
  listed: ReadonlySet<string> = new Set(),
): string[] {
  const names = namesIn(filter);
  if (sorted.nodes.length > 0 && names.length === 0) return [];
  const known = wordsOf(sorted, remembered(), listed);
  const found = [...sorted.nodes, ...sorted.broken, ...sorted.quiet.map(({ candidate }) => candidate)];
  const there = new Set([...found.map(({ name }) => name), ...known.names]);
  const hints = names.flatMap((name) => (there.has(name) ? [] : nameHint(name, known.names)));
  if (sorted.nodes.length > 0) return hints;
  for (const test of parseFilter(filter).all.flatMap(testsIn)) {
    if (test.kind === 'fact') {
      hints.push(...wordHint('fact', test.name, new Set(known.facts.keys())));
      if (test.operator === '=') hints.push(...valueHint(test.name, test.value, known.facts.get(test.name)));
    }
    if (test.kind === 'class' && test.pattern === undefined)
      hints.push(...wordHint('class', test.value, known.classes));
    if (test.kind === 'agent' && test.pattern === undefined) hints.push(...wordHint('agent', test.value, known.agents));
  }
  return [...new Set(hints)];
}

function wordsOf(
  { nodes, unmatched }: Sorted,
  remembered: readonly KnownNode[],
  listed: ReadonlySet<string>,
): KnownWords {
  const answered = [...nodes, ...unmatched].map(({ name, description }) => ({
    name,
    facts: [...description.published.map((fact) => [fact, undefined] as const), ...entriesOf(description.facts)],
    classes: description.classes,
    agents: description.agents.map((agent) => agent.name),
  }));
  const all = [...answered, ...remembered.map((node) => ({ ...node, facts: Object.entries(node.facts) }))];
  return {
    names: [...new Set([...all.map(({ name }) => name), ...listed])],
    facts: valuesOf(all.flatMap(({ facts }) => facts)),
    classes: new Set(all.flatMap(({ classes }) => classes)),
    agents: new Set(all.flatMap(({ agents }) => agents)),
  };
}

function entriesOf(facts: Uint8Array): [string, unknown][] {
  try {
    return Object.entries(JSON.parse(Buffer.from(facts).toString('utf8')));
  } catch {
    return [];
  }
}

function valuesOf(facts: readonly (readonly [string, unknown])[]): Map<string, Set<string>> {
  const values = new Map<string, Set<string>>();
  for (const [name, value] of facts) {
    const known = values.get(name) ?? new Set();
    values.set(name, known);
    if (['string', 'number', 'boolean'].includes(typeof value)) known.add(String(value));
  }
  return values;
}

function namesIn({ identities }: FilterTerms): string[] {
  return identities.filter((name) => !name.startsWith('/')).map((name) => name.toLowerCase());
}

const hostOf = (name: string) => name.replace(/\..*/, '');

/** A host is usually called by the first part of its name. */
function nameHint(name: string, names: readonly string[]): string[] {
  const longer = names.filter((one) => one.startsWith(`${name}.`)).sort();
  // Another number is another host, not a typo.
  const letters = (one: string) => one.replaceAll(/\d+/g, '0');
  const others = names.filter((one) => letters(one) !== letters(name));
  const other = nearest(name, others);
  // A common domain alone makes no name near.
  const isNear = other !== undefined && nearest(hostOf(name), [hostOf(other)]) !== undefined;
  const near = longer.length > 0 ? longer : isNear ? [other] : [];
  return near.length === 0 ? [] : [`no node ${name}: did you mean ${near.slice(0, 3).join(' or ')}?`];
}

function wordHint(kind: string, name: string, known: ReadonlySet<string>): string[] {
  if (known.size === 0 || known.has(name)) return [];
  const near = nearest(name, known);
  const article = kind === 'agent' ? 'no known node runs the agent' : `no known node has the ${kind}`;
  return [`${article} “${name}”${near === undefined ? '' : `; nearest: “${near}”`}`];
}

const mostValues = 8;

/** @param known undefined if no known node has the fact */
function valueHint(name: string, value: string, known: ReadonlySet<string> = new Set()): string[] {
  if (known.size === 0 || known.has(value)) return [];
  const near = nearest(value, known);
  const listed = [...known].sort().slice(0, mostValues).join(', ');
  const others = near === undefined ? `known: ${listed}${known.size > mostValues ? ', …' : ''}` : `nearest: “${near}”`;
  return [printable(`no known node has ${name}=${value}; ${others}`)];
}
