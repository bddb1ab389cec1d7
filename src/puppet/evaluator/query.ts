/** What a script asks of the fleet while it is evaluated. */
import type { NodeFacts } from '../../core/node.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';

/** One `discover` or `get_fact`. */
export interface FleetQuery {
  /** The same for queries that ask the same. */
  readonly key: string;
  /** The name of its node set: of the variable that takes its answer, where there is one. */
  readonly name: string;
  readonly filter: FilterTerms;
  readonly wantsFacts: boolean;
}

/** By the key of the query. */
export type Answers = ReadonlyMap<string, readonly NodeFacts[]>;

/** Thrown where the evaluation can’t go on without an answer; it begins again when the answers are there. */
export class Waiting extends Error {}
