import type { ActionContext } from '../../../core/agent.ts';
import type { ReleaseState } from './state.ts';

/** A call, as far as the work on releases sees it. */
export type Work = Pick<ActionContext, 'dryRun' | 'signal' | 'progress' | 'log' | 'caller' | 'runId'>;

/** A release that is known here. */
export interface KnownRelease {
  readonly revision: string;
  /** Milliseconds since the epoch when it came here; 0 where nobody knows. */
  readonly since: number;
  /** Whether it is whole; where the user's own command deploys, nobody knows better. */
  readonly whole: boolean;
}

/**
 * How the releases of one application come to the node and into service: unpacked by appmgr, or by the user's own
 * command. Every function may be cut off at any point and called again.
 */
export interface Releases {
  /** Looks before anything is made. @throws Problem `bad-layout` */
  readonly assertUsable: () => Promise<void>;
  /** Makes the directories that are missing, and removes what a killed call left. @throws Problem `bad-layout` */
  readonly tidy: () => Promise<void>;
  /** The revision in service; empty for none. @throws Problem `bad-layout` */
  readonly current: () => Promise<string>;
  readonly readState: () => Promise<ReleaseState | undefined>;
  readonly writeState: (state: ReleaseState) => Promise<void>;
  /** Whether a revision could be brought into service. */
  readonly has: (revision: string, signal: AbortSignal) => Promise<boolean>;
  /** Whether it is on the node, ready to be switched to. */
  readonly isPlaced: (revision: string) => Promise<boolean>;
  readonly known: () => Promise<KnownRelease[]>;
  /**
   * Whether nothing is left to bring to the node.
   * @param again whether to look for an artifact that was published again, also where that takes a network
   */
  readonly isPrepared: (revision: string, again: boolean, work: Work) => Promise<boolean>;
  /** Finds out whether {@link prepare} would do, and changes nothing. */
  readonly rehearse: (revision: string, work: Work) => Promise<void>;
  readonly prepare: (revision: string, again: boolean, work: Work) => Promise<void>;
  /** Puts a prepared revision into service. */
  readonly switchTo: (revision: string, from: string, work: Pick<Work, 'signal' | 'progress'>) => Promise<void>;
  /** Removes what is beyond the number to keep. */
  readonly prune: (state: ReleaseState, protectedRevision: string) => Promise<void>;
  /** Where hooks of a revision run. */
  readonly directory: (revision: string) => string;
  /** Where the service's own command runs. */
  readonly root: string;
}
