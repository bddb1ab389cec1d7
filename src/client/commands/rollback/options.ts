import type { RunPlaybookOptions } from '../../runs/run-with-nodes.ts';

/** Typed options, or those of fleet.yaml. */
export interface RollbackOptions extends RunPlaybookOptions {
  readonly cluster: string;
  readonly application?: string;
  readonly run?: string;
  readonly backend?: string;
  readonly recipient?: string;
  readonly notify: boolean;
  readonly minAvailable?: string;
  readonly batch?: string;
  /** Names of checks; false for none, true by default. */
  readonly check?: readonly string[] | boolean;
  readonly dryRun?: boolean;
  /** Undo a rollback without asking. */
  readonly redo?: boolean;
}
