/**
 * The graph of declarations: every resource, and an anchor before and after the content of each define or class. An
 * arrow to or from one of these is an arrow to its first or from its last anchor.
 */
import { failAt, type SourcePosition } from '../source.ts';
import { type Catalogue, nameOf, type Resource, settingOf } from './resource.ts';

/** A resource that does something, or an anchor, which does not. */
export interface Point {
  readonly resource: Resource;
  readonly anchor: boolean;
  /**
   * The order of declaration: of two that may both be next, the earlier one is first. Declarations of a define come
   * after the top.
   */
  readonly index: number;
  readonly before: Edge[];
  readonly behind: Edge[];
}

export interface Edge {
  readonly from: Point;
  readonly to: Point;
  readonly refreshes: boolean;
}

interface Ends {
  readonly first: Point;
  readonly last: Point;
}

/**
 * @param relations including those of metaparameters @throws Problem `bad-script` for an end that is not declared
 * anywhere
 */
export function drawGraph({ resources, relations, containments }: Catalogue): readonly Point[] {
  const points: Point[] = [];
  const ends = new Map<Resource, Ends>();
  const declared = [...resources.values()].filter(({ virtual }) => !virtual);
  for (const [index, resource] of declared.entries()) {
    const newPoint = (anchor: boolean): Point => ({ resource, anchor, index, before: [], behind: [] });
    const first = newPoint(resource.kind !== 'plain');
    const last = resource.kind === 'plain' ? first : newPoint(true);
    points.push(first, ...(last === first ? [] : [last]));
    ends.set(resource, { first, last });
  }
  const contain = (container: Resource, contained: Resource) => {
    const [outer, inner] = [ends.get(container), ends.get(contained)];
    if (outer === undefined || inner === undefined) return;
    connect(outer.first, inner.first, true);
    connect(inner.last, outer.last, true);
  };
  for (const resource of declared) if (resource.container !== undefined) contain(resource.container, resource);
  for (const { container, contained } of containments) contain(container, contained);
  // An empty container is still between its predecessors and its successors.
  for (const { first, last } of ends.values())
    if (first !== last && first.behind.length === 0) connect(first, last, true);
  for (const { from, to, refreshes, position: at } of relations) {
    for (const [one, other] of pairs(from(), to(), ends, at)) connect(one.last, other.first, refreshes);
  }
  return points;
}

function connect(from: Point, to: Point, refreshes: boolean): void {
  const edge = { from, to, refreshes };
  from.behind.push(edge);
  to.before.push(edge);
}

function pairs(
  from: readonly Resource[],
  to: readonly Resource[],
  ends: ReadonlyMap<Resource, Ends>,
  position: SourcePosition,
): (readonly [Ends, Ends])[] {
  const endsOf = (resource: Resource): Ends => {
    const found = ends.get(resource);
    return (
      found ??
      failAt(position, `${nameOf(resource)} is virtual, and nothing realizes it`, 'realize it, or leave out its “@”')
    );
  };
  return from.flatMap((one) => to.map((other) => [endsOf(one), endsOf(other)] as const));
}

/** The relations of a resource's metaparameters: before or after it, refreshing or not. */
export const relatingParameters: Readonly<Record<string, { readonly behind: boolean; readonly refreshes: boolean }>> = {
  before: { behind: true, refreshes: false },
  notify: { behind: true, refreshes: true },
  require: { behind: false, refreshes: false },
  subscribe: { behind: false, refreshes: true },
};

/** Whether the resource, or one of its containers, has a metaparameter set to true. */
export function isMarked(resource: Resource, name: string): boolean {
  const value = settingOf(resource, name)?.value;
  if (value !== undefined) return value === true || value === 'true';
  return resource.container !== undefined && isMarked(resource.container, name);
}
