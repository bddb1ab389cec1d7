/** The limits of a script and its results: a script must not exhaust the machine that runs it. */
export const limits = {
  /** Characters of a script. */
  script: 256 * 1024,
  /** Nesting of blocks, lists, parentheses and calls. */
  nesting: 64,
  /** Operators in one expression. */
  operators: 500,
  resources: 10_000,
  /** Of evaluation: one for each expression and statement, and more for what makes long texts and lists. */
  steps: 1_000_000,
  /** Characters of a text, members of a list. */
  size: 256 * 1024,
  /** Generations of defines that declare each other. */
  generations: 64,
} as const;
