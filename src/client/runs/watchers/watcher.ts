import type { RunEvent } from '../../../playbook/events/events.ts';

/** Observes a run and never disturbs it: no method throws. */
export interface RunWatcher {
  readonly see: (event: RunEvent) => void;
  /** Resolves when everything is written or sent, or after a short time at most. */
  readonly end: () => Promise<void>;
}
