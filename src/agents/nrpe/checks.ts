import type { ActionContext } from '../../core/agent.ts';
import type { Check } from './check.ts';

/** Where checks are made: by plugins on this node, or by an NRPE daemon. */
export interface Checks {
  readonly list: () => Promise<Listing>;
  /** @throws Problem `refused-command`, `refused-arguments`, `cancelled`, `nrpe-unreachable`, `nrpe-bad-answer`, … */
  readonly run: (command: string, args: string | undefined, context: ActionContext) => Promise<Check>;
}

export interface Listing {
  /** Names, sorted. */
  readonly commands: readonly string[];
  /** Those of them that cannot be run without a caller's arguments. */
  readonly withArguments: ReadonlySet<string>;
  /** `NAME: why it is not run`. */
  readonly refused: readonly string[];
}

/** Seconds: the DDL lets an action take a little longer. */
export const longestCheck = 60;
