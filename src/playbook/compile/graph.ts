/** The needs of each step: a graph without cycles. */
import { suggest } from '../../core/text.ts';

export interface GraphNode {
  readonly id: string;
  readonly needs: readonly string[];
}

export interface GraphFault {
  readonly id: string;
  readonly message: string;
}

/** The first unknown or circular need, or undefined. */
export function findGraphFault(nodes: readonly GraphNode[]): GraphFault | undefined {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const { id, needs } of nodes) {
    const unknown = needs.find((need) => !byId.has(need));
    if (unknown !== undefined)
      return { id, message: `it needs an unknown step “${unknown}”: ${suggest(unknown, byId.keys())}` };
  }
  const settled = new Set<string>();
  for (const { id } of nodes) {
    const circle = findCircle(id, byId, [], settled);
    if (circle !== undefined) return { id, message: `the steps need each other in a circle: ${circle.join(' → ')}` };
  }
  return undefined;
}

function findCircle(
  id: string,
  byId: ReadonlyMap<string, GraphNode>,
  path: readonly string[],
  settled: Set<string>,
): string[] | undefined {
  if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
  if (settled.has(id)) return undefined;
  for (const need of byId.get(id)?.needs ?? []) {
    const circle = findCircle(need, byId, [...path, id], settled);
    if (circle !== undefined) return circle;
  }
  settled.add(id);
  return undefined;
}

/** The same nodes, each after all its needs; otherwise in the given order. The graph must have no fault. */
export function sortByNeeds<Node extends GraphNode>(nodes: readonly Node[]): Node[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const sorted = new Set<Node>();
  const visit = (node: Node): void => {
    if (sorted.has(node)) return;
    for (const need of node.needs) {
      const needed = byId.get(need);
      if (needed !== undefined) visit(needed);
    }
    sorted.add(node);
  };
  for (const node of nodes) visit(node);
  return [...sorted];
}

/** All direct and indirect needs of each node. The nodes must be sorted. */
export function ancestorsOf(sorted: readonly GraphNode[]): ReadonlyMap<string, ReadonlySet<string>> {
  const ancestors = new Map<string, ReadonlySet<string>>();
  for (const { id, needs } of sorted) {
    ancestors.set(id, new Set(needs.flatMap((need) => [need, ...(ancestors.get(need) ?? [])])));
  }
  return ancestors;
}
