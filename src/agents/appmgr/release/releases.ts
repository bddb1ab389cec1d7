import type { ActionContext } from '../../../core/agent.ts';
import type { ReleaseState } from './state.ts';

/** A call, for the work on releases. */
export type Work = Pick<ActionContext, 'dryRun' | 'signal' | 'progress' | 'log' | 'caller' | 'runId'>;

/** A known release. */
export interface KnownRelease {
  readonly revision: string;
  /** Milliseconds since the epoch of its arrival; 0 if unknown. */
  readonly since: number;
  /** Whether it is whole; for a custom deploy command that is unknown. */
  readonly whole: boolean;
}

/**
 * How the releases of one application are brought to the node and activated: unpacked by appmgr, or by a custom
 * command. Every function may be cut off at any point and repeated.
 */
export interface Releases {
  /** Checks before anything is created. @throws Problem `bad-layout` */
  readonly assertUsable: () => Promise<void>;
  /** Checks, for a dry run, that something can be written. Rejects with a system error. */
  readonly assertWritable: () => Promise<void>;
  /** Creates missing directories, and removes leftovers of a killed call. @throws Problem `bad-layout` */
  readonly tidy: () => Promise<void>;
  /** The revision in service; empty for none. @throws Problem `bad-layout` */
  readonly current: () => Promise<string>;
  readonly readState: () => Promise<ReleaseState | undefined>;
  readonly writeState: (state: ReleaseState) => Promise<void>;
  /** Whether a revision could be activated. */
  readonly has: (revision: string, signal: AbortSignal) => Promise<boolean>;
  /** Whether it is on the node, ready for a switch. */
  readonly isPlaced: (revision: string) => Promise<boolean>;
  readonly known: () => Promise<KnownRelease[]>;
  /**
   * Whether nothing is left to bring to the node.
   * @param again whether to look for an artifact that was published again, even if that needs a network
   */
  readonly isPrepared: (revision: string, again: boolean, work: Work) => Promise<boolean>;
  /** Checks whether {@link prepare} would succeed, and changes nothing. */
  readonly rehearse: (revision: string, work: Work) => Promise<void>;
  readonly prepare: (revision: string, again: boolean, work: Work) => Promise<void>;
  /** Activates a prepared revision. */
  readonly switchTo: (revision: string, from: string, work: Pick<Work, 'signal' | 'progress'>) => Promise<void>;
  /** Removes releases beyond the number to keep. */
  readonly prune: (state: ReleaseState, protectedRevision: string) => Promise<void>;
  /** The working directory of a revision's hooks. */
  readonly directory: (revision: string) => string;
  /** The working directory of the service's own command. */
  readonly root: string;
}
