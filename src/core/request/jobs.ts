/** Jobs: calls whose callers do not wait for them. */
import type { ReplyContent } from './reply.ts';

/** What a job is of. */
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
  /** Aborted when somebody cancels it; the reason is who did, as policies write it. */
  readonly cancelled: AbortSignal;
  /** What the action says while it runs; not stored. */
  readonly progress: (message: string) => void;
  /** Stores how it ended: nothing sensitive may be in it. @throws Problem `unwritable-state` */
  readonly end: (content: ReplyContent) => Promise<void>;
}

export interface Jobs {
  /** Resolves when it is on the disk that it began. @throws Problem `job-exists`, `too-many-jobs`, `unwritable-state` */
  readonly begin: (job: JobRequest) => Promise<StartedJob>;
}
