import { duplicateProblem } from '../core/duplicate.ts';
import { isNodeName } from '../core/identity.ts';
import { printable } from '../core/text.ts';
import type { Duplicate } from '../core/wire/messages.ts';
import type { Sorted } from './findings.ts';

/**
 * Removes found nodes whose name two machines prove, on the report of any reachable node: only one of the two may have
 * been heard here, and nobody knows which of them a call would reach.
 */
export function takeDuplicates(sorted: Sorted): Sorted {
  const descriptions = [...sorted.nodes, ...sorted.unmatched].map(({ description }) => description);
  const duplicates = new Map(
    descriptions.flatMap(({ duplicates: all }) => all.map((one) => [one.identity, one] as const)),
  );
  const doubled = sorted.nodes.filter(({ name }) => duplicates.has(name));
  for (const { connection } of doubled) connection.close();
  const broken = doubled.map(({ name, addresses }) => {
    return { name, addresses, problem: duplicateProblem(shown(duplicates.get(name), name)) };
  });
  const nodes = sorted.nodes.filter(({ name }) => !duplicates.has(name));
  return { ...sorted, nodes, broken: [...sorted.broken, ...broken] };
}

/** A node's reports about others are shown as plain text. */
function shown(duplicate: Duplicate | undefined, name: string): Duplicate {
  const addresses = (duplicate?.addresses ?? []).slice(0, 4).map((one) => printable(one).slice(0, 64));
  const since = Math.min(Math.max(0, duplicate?.since ?? 0), 8.64e15);
  return { identity: isNodeName(name) ? name : '', addresses, since };
}
