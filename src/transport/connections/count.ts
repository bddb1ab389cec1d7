/** A counter for each key; a key with none uses no memory. */
export interface Count {
  readonly of: (key: string) => number;
  readonly add: (key: string) => void;
  readonly remove: (key: string) => void;
}

export function startCount(): Count {
  const numbers = new Map<string, number>();
  const of = (key: string) => numbers.get(key) ?? 0;
  return {
    of,
    add: (key) => {
      numbers.set(key, of(key) + 1);
    },
    remove: (key) => {
      if (of(key) > 1) numbers.set(key, of(key) - 1);
      else numbers.delete(key);
    },
  };
}
