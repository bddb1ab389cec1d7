/** Finds the nodes of a playbook before its first step, and refuses to begin if one is missing. */
import { Problem } from '../../../core/errors.ts';
import { parseFilter } from '../../../core/filter/filter.ts';
import { type NodeFacts, witness } from '../../../core/node.ts';
import { count } from '../../../core/text.ts';
import type { FilterTerms } from '../../../core/wire/messages.ts';
import type { RunContext } from '../../context.ts';
import type { NodeFailure } from '../../events/events.ts';
import { decide } from '../../expressions/expression.ts';
import { toText } from '../../expressions/template.ts';
import type { NodeSet } from '../../model.ts';
import type { Discovered } from '../../ports.ts';

/** The sets, or why they are not complete. */
export interface FoundSets {
  readonly sets: ReadonlyMap<string, readonly NodeFacts[]>;
  readonly missing: readonly NodeFailure[];
}

export function namesIn(sets: FoundSets['sets']): Record<string, readonly string[]> {
  return Object.fromEntries([...sets].map(([name, members]) => [name, members.map((node) => node.name)]));
}

/**
 * A resumed run keeps its original nodes.
 * @param prefix of the steps whose sets these are, as the journal names them
 * @throws Problem `bad-input` for a sensitive input in a filter, `bad-filter`, and as the discover port does
 */
export async function findNodes(
  nodeSets: readonly NodeSet[],
  run: RunContext,
  allowMissing: boolean,
  prefix: string,
): Promise<FoundSets> {
  const before = run.resumed?.history.setsOf(prefix);
  const found = await Promise.all(nodeSets.map((set) => findSet(set, run, allowMissing, before?.[set.name])));
  return {
    sets: new Map(found.map(({ name, nodes }) => [name, nodes])),
    missing: found.flatMap(({ missing }) => missing),
  };
}

async function findSet(set: NodeSet, run: RunContext, allowMissing: boolean, before: readonly string[] | undefined) {
  const context = run.context();
  if (set.condition !== undefined && !decide(set.condition, context)) return { name: set.name, nodes: [], missing: [] };
  const { value: filter, source } = run.taint.during(() => set.filter(context) as FilterTerms);
  if (source !== undefined) {
    const message = `the sensitive input “${source}” may not be used to find the nodes of “${set.name}”`;
    throw new Problem('bad-input', message, 'every node would receive it');
  }
  const discovered = await run.ports.discover({
    filter: checkFilter(filter, set.name),
    atLeast: set.atLeast,
    facts: set.wantsFacts,
    ...(set.source === undefined ? {} : { source: set.source }),
    ...(set.discoveryTimeout === undefined ? {} : { timeout: set.discoveryTimeout }),
  });
  const sorted = [...discovered.nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  const nodes = before === undefined ? sorted.slice(0, set.limit) : sorted.filter(({ name }) => before.includes(name));
  const all = before === undefined ? absentFrom(discovered) : goneOf(before, nodes, absentFrom(discovered));
  const expected = set.expected?.(context);
  const absent = Array.isArray(expected) ? all.filter(({ node }) => expected.includes(node)) : all;
  if (absent.length > 0) run.ports.emit({ type: 'nodes-missing', set: set.name, nodes: absent });
  const missing = allowMissing || set.allowMissing ? [] : [...absent];
  missing.push(...wrongVersions(set, nodes));
  if (nodes.length < set.atLeast) missing.push(tooFew(set, nodes.length, discovered.hints ?? [], run));
  return { name: set.name, nodes, missing };
}

/** Nodes whose agents' versions the playbook does not accept. */
function wrongVersions({ versions: required = [] }: NodeSet, nodes: readonly NodeFacts[]): NodeFailure[] {
  return nodes.flatMap(({ name, versions = {} }) =>
    required.flatMap(({ agent, range, fits }) => {
      const has = Object.hasOwn(versions, agent) ? versions[agent] : undefined;
      if (has === undefined || fits(has)) return [];
      return [
        { node: name, code: 'wrong-version', reason: `its agent ${agent} is ${has}, and the playbook needs ${range}` },
      ];
    }),
  );
}

/** @throws Problem `bad-filter` when an expression does not return text, or no valid term */
function checkFilter(filter: FilterTerms, set: string): FilterTerms {
  const terms: unknown[] = [filter.facts, filter.classes, filter.agents, filter.identities, filter.with].flat();
  if (!terms.every((term) => typeof term === 'string' && term !== '') || typeof filter.select !== 'string') {
    throw new Problem('bad-filter', `a term of the node set “${set}” is empty or is not text`);
  }
  parseFilter(filter);
  return filter;
}

/** Nodes of the original set that are missing now. */
function goneOf(
  before: readonly string[],
  here: readonly NodeFacts[],
  absent: readonly NodeFailure[],
): readonly NodeFailure[] {
  const gone = before.filter((name) => !here.some((node) => node.name === name));
  return gone.map((node) => {
    const reason = 'the run started with it, and it is not found now';
    return absent.find((one) => one.node === node) ?? { node, code: 'silent', reason };
  });
}

function absentFrom({ silent, broken }: Discovered): NodeFailure[] {
  return [
    ...silent.map(({ name, lastSeen, by }) => {
      const seen =
        lastSeen === undefined ? 'never seen' : `last seen ${new Date(lastSeen).toISOString()} by ${witness(by)}`;
      return { node: name, code: 'silent', reason: `it is silent, ${seen}` };
    }),
    ...broken.map(({ name, problem, isDoubtful }) => ({
      node: name,
      code: isDoubtful === true ? 'silent' : 'broken',
      reason: problem,
    })),
  ];
}

function tooFew(
  { name, whenEmpty, atLeast }: NodeSet,
  size: number,
  hints: readonly string[],
  run: RunContext,
): NodeFailure {
  const said = whenEmpty === undefined ? `no node for “${name}” was found` : toText(whenEmpty(run.context()));
  const message = [said, ...hints].join('; ');
  const reason = size === 0 ? message : `${count(size, 'node')} for “${name}” found, ${atLeast} are needed: ${message}`;
  return { node: '', code: size === 0 ? 'empty-set' : 'too-few-nodes', reason };
}
