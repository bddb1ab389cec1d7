/** The node sets of a script: one for each of its questions, and one for each other filter. */
import type { Ddl } from '../../core/ddl/ddl.ts';
import { listNames } from '../../core/text.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import type { NodeSet } from '../../playbook/model.ts';
import type { Answers, FleetQuery } from '../evaluator/query.ts';
import type { McollectiveCall } from '../types/mcollective.ts';
import { nameOf, type Resource } from './resource.ts';

export interface NodeSets {
  readonly all: () => readonly NodeSet[];
  /** The name of the set that a call addresses. */
  readonly setFor: (resource: Resource, call: McollectiveCall, ddl: Ddl) => string;
}

export function collectNodeSets(queries: readonly FleetQuery[], answers: Answers): NodeSets {
  const sets = new Map<string, NodeSet>();
  const bySubject = new Map<string, string>();
  for (const { name, filter, wantsFacts, key } of queries) {
    // The script itself checks how many there must be.
    sets.set(name, { ...bare(name, filter), wantsFacts });
    const names = (answers.get(key) ?? []).map((node) => node.name);
    if (names.length > 0) bySubject.set(JSON.stringify(names.sort()), name);
  }
  return {
    all: () => [...sets.values()],
    setFor: (resource, call, ddl) => {
      const filter = { ...call.filter, agents: [ddl.name] };
      const known = byNames(call.filter, bySubject);
      if (known !== undefined) return known;
      const key = JSON.stringify([filter, call.failover, call.discoveryTimeout]);
      const same = bySubject.get(key);
      if (same !== undefined) return same;
      const name = freeName(resource.title, sets);
      const { discoveryTimeout } = call;
      const timing = discoveryTimeout === undefined ? {} : { discoveryTimeout };
      sets.set(name, { ...bare(name, filter), ...need(resource, filter), ...timing, allowMissing: call.failover });
      bySubject.set(key, name);
      return name;
    },
  };
}

function bare(name: string, filter: FilterTerms): NodeSet {
  return {
    name,
    filter: () => filter,
    condition: undefined,
    expected: undefined,
    atLeast: 0,
    limit: Number.MAX_SAFE_INTEGER,
    whenEmpty: undefined,
    allowMissing: false,
    source: undefined,
    wantsFacts: false,
  };
}

/** Named nodes must all exist; of others, one. */
function need(resource: Resource, { identities }: FilterTerms): Pick<NodeSet, 'atLeast' | 'whenEmpty'> {
  const isNamed = identities.length > 0 && identities.every((one) => !one.startsWith('/'));
  const named = isNamed ? ` (${listNames([...new Set(identities)], 10)})` : '';
  return {
    atLeast: isNamed ? new Set(identities).size : 1,
    whenEmpty: () => `too few nodes match the filter of ${nameOf(resource)}${named}`,
  };
}

/** The set of a question whose answer is exactly these nodes. */
function byNames({ identities, facts, classes, select }: FilterTerms, known: ReadonlyMap<string, string>) {
  if (facts.length + classes.length + select.length > 0) return undefined;
  return known.get(JSON.stringify([...new Set(identities)].sort()));
}

function freeName(base: string, taken: ReadonlyMap<string, unknown>): string {
  let name = base;
  for (let number = 2; taken.has(name); number++) name = `${base}_${number}`;
  return name;
}
