import type { Expression } from '../filter/expression.ts';
import type { Match } from '../filter/pattern.ts';

/** Names for lists of callers. */
export type Groups = ReadonlyMap<string, readonly string[]>;

/** The callers of a rule: any of these. */
export interface Callers {
  readonly ids: ReadonlySet<string>;
  readonly patterns: readonly Match[];
}

/** One line of a policy. */
export interface Rule {
  readonly allows: boolean;
  readonly callers: Callers | '*';
  readonly actions: ReadonlySet<string> | '*';
  /** What the FACTS and the CLASSES column require of the node: all of it. */
  readonly node: readonly Expression[];
  readonly line: number;
  /** The line as written, without the spaces around it. */
  readonly text: string;
}

/** A file's rules for one agent: the first matching rule decides, then the default. */
export interface Policy {
  readonly file: string;
  readonly rules: readonly Rule[];
  readonly allowsByDefault: boolean;
}
