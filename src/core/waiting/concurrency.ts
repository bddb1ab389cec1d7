/** A limited number of places for work. */
export interface Slots {
  /**
   * Resolves when a place is free: one for each party in turn, and in the order of the calls of each.
   * @param party the owner of the work
   * @returns a function that releases the place; call it once
   */
  readonly take: (party?: string) => Promise<() => void>;
  /** The number of calls that wait for `take`: of one party, or of all. */
  readonly waiting: (party?: string) => number;
}

/** Runs work when a place is free and returns its result. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

export function defineSlots(most: number): Slots {
  /** Of each party that waits; the party whose turn is next is the first. */
  const queues = new Map<string, (() => void)[]>();
  let taken = 0;
  // The place goes straight to the next in line, so that no later caller takes it first.
  const release = () => {
    const [first] = queues;
    if (first === undefined) {
      taken--;
      return;
    }
    const [party, queue] = first;
    const next = queue.shift();
    queues.delete(party);
    if (queue.length > 0) queues.set(party, queue);
    next?.();
  };
  return {
    take: async (party = '') => {
      if (taken < most) {
        taken++;
        return release;
      }
      const queue = queues.get(party) ?? [];
      queues.set(party, queue);
      await new Promise<void>((resolve) => queue.push(resolve));
      return release;
    },
    waiting: (party) => {
      if (party !== undefined) return queues.get(party)?.length ?? 0;
      return [...queues.values()].reduce((sum, { length }) => sum + length, 0);
    },
  };
}

/** Limits the number of pieces of work that run at once; the others wait in order. */
export function defineLimit(most: number): Limit {
  const slots = defineSlots(most);
  return async (work) => {
    const release = await slots.take();
    try {
      return await work();
    } finally {
      release();
    }
  };
}

/** One piece of work at a time, in the order of the calls. */
export function defineMutex(): Limit {
  return defineLimit(1);
}

/**
 * Does work for each item, with a limit on how much runs at once. After a failure it begins no other item and awaits
 * the running ones, so that nothing continues after a caller has cleaned up.
 * @returns the results in the order of the items
 * @throws the first failure
 */
export async function mapLimited<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const failures: unknown[] = [];
  const rest = items.entries();
  const worker = async () => {
    for (const [index, item] of rest) {
      try {
        results[index] = await work(item, index);
      } catch (failure) {
        failures.push(failure);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}

/** The value, or the promise of it, made at the first request and never again. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
