/** The questions of a script to the fleet during its evaluation. */
import type { NodeFacts } from '../../core/node.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';

/** One `discover` or `get_fact`. */
export interface FleetQuery {
  /** The same for queries with the same content. */
  readonly key: string;
  /** The name of its node set: of the variable with its answer, if there is one. */
  readonly name: string;
  readonly filter: FilterTerms;
  readonly wantsFacts: boolean;
}

/** By the key of the query. */
export type Answers = ReadonlyMap<string, readonly NodeFacts[]>;

/** Thrown if the evaluation cannot continue without an answer; it starts again when the answers have arrived. */
export class Waiting extends Error {}
