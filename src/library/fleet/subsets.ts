import { createHash } from 'node:crypto';

/**
 * A subset of the nodes, spread evenly and repeatable by its seed.
 * @param limit `N` or `N%`, of which a percentage is at least one node
 */
export function chooseSubset<T extends { readonly name: string }>(
  nodes: readonly T[],
  limit: string,
  seed: number,
): T[] {
  const size = limit.endsWith('%')
    ? Math.max(1, Math.floor((nodes.length * Number(limit.slice(0, -1))) / 100))
    : Number(limit);
  const rank = ({ name }: T) => createHash('sha256').update(`${seed}\0${name}`).digest('hex');
  const ranked = nodes.map((node) => ({ node, rank: rank(node) })).sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const chosen = new Set(ranked.slice(0, size).map(({ node }) => node));
  return nodes.filter((node) => chosen.has(node));
}
