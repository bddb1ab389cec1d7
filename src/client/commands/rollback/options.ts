import type { RunPlaybookOptions } from '../../runs/run-playbook.ts';

/** What was typed, or is said in fleet.yaml. */
export interface RollbackOptions extends RunPlaybookOptions {
  readonly cluster: string;
  readonly application?: string;
  readonly run?: string;
  readonly backend?: string;
  readonly recipient?: string;
  readonly notify: boolean;
  readonly minAvailable?: string;
  readonly batch?: string;
  /** Names of checks; false for none, true where nothing is said. */
  readonly check?: readonly string[] | boolean;
  readonly dryRun?: boolean;
  /** Undo a rollback without asking. */
  readonly redo?: boolean;
}
