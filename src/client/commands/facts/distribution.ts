/** One value of a fact, and the nodes that have it, sorted. */
export interface Share {
  readonly value: unknown;
  readonly count: number;
  readonly nodes: readonly string[];
}

/** The values of one fact over many nodes. */
export interface Distribution {
  /** The most frequent first, then by the value's text. */
  readonly values: readonly Share[];
  /** Nodes without it. */
  readonly absent: readonly string[];
}

/** Counts equal values. @param found the value on each node; undefined if there is none */
export function distributionOf(found: readonly (readonly [node: string, value: unknown])[]): Distribution {
  const names = (some: typeof found) => some.map(([node]) => node).sort();
  const having = found.filter(([, value]) => value !== undefined);
  // By their JSON: the number 1 and the text "1" are different values.
  const shares = [...Map.groupBy(having, ([, value]) => JSON.stringify(value))].map(([text, some]) => ({
    text,
    share: { value: some[0]?.[1], count: some.length, nodes: names(some) },
  }));
  return {
    values: shares
      .sort((a, b) => b.share.count - a.share.count || (a.text < b.text ? -1 : 1))
      .map(({ share }) => share),
    absent: names(found.filter(([, value]) => value === undefined)),
  };
}
