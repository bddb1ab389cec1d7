/** The meaning of a problem code, and the next step for the person who sees it. */
export interface ProblemEntry {
  readonly meaning: string;
  readonly fix: string;
}

/** A topic of the table: each code with its meaning and the next step. */
export function defineProblems<Code extends string>(entries: Readonly<Record<Code, readonly [string, string]>>) {
  const described = Object.entries<readonly [string, string]>(entries).map(([code, [meaning, fix]]) => {
    return [code, { meaning, fix }] as const;
  });
  return Object.fromEntries(described) as Readonly<Record<Code, ProblemEntry>>;
}
