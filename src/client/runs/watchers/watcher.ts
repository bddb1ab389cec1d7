import type { RunEvent } from '../../../playbook/events/events.ts';

/** Looks on while a run goes on, and never stands in its way: no method throws. */
export interface RunWatcher {
  readonly see: (event: RunEvent) => void;
  /** Resolves when what it has seen is written or sent, or after a moment at most. */
  readonly end: () => Promise<void>;
}
