/** What a problem code means, and what the person who sees it does next. */
export interface ProblemEntry {
  readonly meaning: string;
  readonly fix: string;
}

/** A topic of the table: each code with its meaning and what to do. */
export function defineProblems<Code extends string>(entries: Readonly<Record<Code, readonly [string, string]>>) {
  const described = Object.entries<readonly [string, string]>(entries).map(([code, [meaning, fix]]) => {
    return [code, { meaning, fix }] as const;
  });
  return Object.fromEntries(described) as Readonly<Record<Code, ProblemEntry>>;
}
