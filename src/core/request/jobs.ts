/** Jobs: calls whose callers do not wait for them. */
import type { ReplyContent } from './reply.ts';

/** The call of a job. */
export interface JobRequest {
  /** The request id of its call: 32 hex digits. */
  readonly id: string;
  /** `cert=NAME` */
  readonly caller: string;
  readonly agent: string;
  readonly action: string;
  readonly runId: string;
  readonly dryRun: boolean;
}

export interface StartedJob {
  /** Aborted when somebody cancels it; the reason names the caller, as policies write it. */
  readonly cancelled: AbortSignal;
  /** The progress of the action; not stored. */
  readonly progress: (message: string) => void;
  /** Stores how it ended, without any sensitive value. @throws Problem `unwritable-state` */
  readonly end: (content: ReplyContent) => Promise<void>;
}

export interface Jobs {
  /** Resolves when its start is on the disk. @throws Problem `job-exists`, `too-many-jobs`, `unwritable-state` */
  readonly begin: (job: JobRequest) => Promise<StartedJob>;
}
