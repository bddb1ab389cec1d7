import type { Ddl } from '../../core/ddl/ddl.ts';
import type { RunEvent } from '../../playbook/events/events.ts';
import type { InputSources, PlaybookPorts } from '../../playbook/ports.ts';
import type { TargetOptions } from '../fleet/targets.ts';
import type { Session } from '../fleet/session.ts';
import type { Journaling } from './fleet/journaling.ts';

export interface PortParts {
  readonly session: Session;
  readonly catalogue: readonly Ddl[];
  /** The source of nodes. */
  readonly targets: TargetOptions;
  readonly journal: RunJournal;
  readonly emit: (event: RunEvent) => void;
  /** Called with a node's progress messages about a call in progress. */
  readonly onProgress: (step: string, node: string, message: string) => void;
  /** How a person is asked; if omitted, not at all. */
  readonly asking?: Pick<PlaybookPorts, 'agree' | 'confirm'>;
  readonly env: InputSources['env'];
  readonly warn: (line: string) => void;
  /** How other runs are excluded; if omitted, not at all. */
  readonly locking?: Locking;
}

/** The journal of a run, on this host and on nodes. */
export interface RunJournal {
  /** @throws Problem `journal-failed` */
  readonly write: (entry: object) => Promise<void>;
  readonly stored: Journaling;
}

export interface Locking {
  /** Milliseconds to wait for another run’s lease. */
  readonly wait: number;
  /** The machine and process, for people. */
  readonly from: string;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
  /** Called when the lease cannot be kept, with the Problem that says why. */
  readonly onLost: (why: unknown) => void;
  /** Called once the run holds a lease. Its Problem ends the run: others may have changed the hosts while it waited. */
  readonly onHeld?: (() => Promise<void>) | undefined;
}
