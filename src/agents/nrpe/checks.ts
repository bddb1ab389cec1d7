import type { ActionContext } from '../../core/agent.ts';
import type { Check } from './check.ts';

/** Who makes checks: plugins on this node, or an NRPE daemon. */
export interface Checks {
  readonly list: () => Promise<Listing>;
  /** @throws Problem `refused-command`, `refused-arguments`, `cancelled`, `nrpe-unreachable`, `nrpe-bad-answer`, … */
  readonly run: (command: string, args: string | undefined, context: ActionContext) => Promise<Check>;
}

export interface Listing {
  /** Names, sorted. */
  readonly commands: readonly string[];
  /** Those that cannot run without a caller's arguments. */
  readonly withArguments: ReadonlySet<string>;
  /** Names of checks that are defined by a line that cannot be used. */
  readonly unusable: readonly string[];
  /** `NAME: the reason that it does not run`. */
  readonly refused: readonly string[];
}

/** Seconds: the DDL allows an action slightly more. */
export const longestCheck = 60;
