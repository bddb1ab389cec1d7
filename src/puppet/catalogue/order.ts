/** Sorts declarations into the order in which they run, and finds the resources that each waits for. */
import { Problem } from '../../core/errors.ts';
import { failAt, type ScriptSource, where } from '../source.ts';
import { drawGraph, type Point } from './anchors.ts';
import { type Catalogue, nameOf, type Resource } from './resource.ts';

export interface OrderedResource {
  readonly resource: Resource;
  /** What must have ended well. */
  readonly needs: readonly Resource[];
  /** What refreshes it. */
  readonly refreshedBy: readonly Resource[];
}

/** The maximum number of edges between resources: containers on both sides of an arrow multiply. */
const mostNeeds = 1_000_000;

/**
 * By the arrows, and otherwise in the order of the script.
 * @throws Problem `bad-script` for a circle
 */
export function orderCatalogue(catalogue: Catalogue, source: ScriptSource): readonly OrderedResource[] {
  const sorted = sortPoints(drawGraph(catalogue));
  const needs = new Map<Point, readonly Resource[]>();
  const refreshers = new Map<Point, readonly Resource[]>();
  let total = 0;
  const through = (point: Point, known: ReadonlyMap<Point, readonly Resource[]>, refreshing: boolean) => {
    const edges = refreshing ? point.before.filter(({ refreshes }) => refreshes) : point.before;
    const found = new Set<Resource>();
    for (const { from } of edges) {
      for (const one of from.anchor ? (known.get(from) ?? []) : [from.resource]) found.add(one);
    }
    total += found.size;
    if (total > mostNeeds) failAt({ source, at: 0 }, 'the script relates too many resources to each other');
    return [...found];
  };
  for (const point of sorted) {
    needs.set(point, through(point, needs, false));
    refreshers.set(point, through(point, refreshers, true));
  }
  return sorted
    .filter(({ anchor }) => !anchor)
    .map((point) => ({
      resource: point.resource,
      needs: needs.get(point) ?? [],
      refreshedBy: refreshers.get(point) ?? [],
    }));
}

/** Each point after all its predecessors; of those that may be next, the first of the script. */
function sortPoints(points: readonly Point[]): Point[] {
  const open = new Map(points.map((point) => [point, point.before.length]));
  const ready = newHeap(points.filter(({ before }) => before.length === 0));
  const sorted: Point[] = [];
  for (let point = ready.take(); point !== undefined; point = ready.take()) {
    sorted.push(point);
    for (const { to } of point.behind) {
      const left = (open.get(to) ?? 0) - 1;
      open.set(to, left);
      if (left === 0) ready.add(to);
    }
  }
  if (sorted.length < points.length) refuseCircle(points.filter((point) => !sorted.includes(point)));
  return sorted;
}

/** Points by their index, the least first. */
function newHeap(points: readonly Point[]) {
  const heap = [...points].sort((a, b) => b.index - a.index);
  return {
    take: () => heap.pop(),
    add: (point: Point) => {
      let [low, high] = [0, heap.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((heap[middle]?.index ?? 0) > point.index) low = middle + 1;
        else high = middle;
      }
      heap.splice(low, 0, point);
    },
  };
}

/** @param points each of which waits for another of them */
function refuseCircle(points: readonly Point[]): never {
  const left = new Set(points);
  const trail: Point[] = [];
  let point = points[0];
  while (point !== undefined && !trail.includes(point)) {
    trail.push(point);
    point = point.before.find(({ from }) => left.has(from))?.from;
  }
  const circle = point === undefined ? trail : [...trail.slice(trail.indexOf(point)), point];
  const names = circle.reverse().map(({ resource }) => nameOf(resource));
  const shown = names.filter((name, index) => name !== names[index - 1]);
  const first = circle[0]?.resource;
  const at = first === undefined ? '' : `${where(first.position)}: `;
  throw new Problem('bad-script', `${at}resources need each other in a circle: ${shown.join(' → ')}`);
}
