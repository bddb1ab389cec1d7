/** The weight of a value: the cost of reading all of it. */
import { isHash, isList, type Value } from './values.ts';

export interface Weight {
  /** Its members, those within them, and one for each 100 characters. */
  readonly size: number;
  /** Nesting of lists and hashes. */
  readonly depth: number;
}

/** Values never change, and often contain each other: each is weighed once. */
const known = new WeakMap<object, Weight>();

export function weigh(value: Value): Weight {
  if (typeof value === 'string') return { size: 1 + value.length / 100, depth: 0 };
  if (!isList(value) && !isHash(value)) return { size: 1, depth: 0 };
  const before = known.get(value);
  if (before !== undefined) return before;
  const members = isList(value) ? value : [...value].flat();
  const weight = members.reduce<Weight>(add, { size: 1, depth: 1 });
  known.set(value, weight);
  return weight;
}

function add({ size, depth }: Weight, member: Value): Weight {
  const inner = weigh(member);
  return { size: size + inner.size, depth: Math.max(depth, inner.depth + 1) };
}
