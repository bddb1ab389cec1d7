import { Problem } from '../../core/errors.ts';
import { fileProblem } from '../../core/files/file-problem.ts';
import type { Log } from '../../core/ports.ts';
import { failure, okReply, type ReplyContent, refusal } from '../../core/request/reply.ts';
import type { Jobs, StartedJob } from '../../core/request/jobs.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { answer, type Handle, type IncomingCall, type Stage } from '../incoming-call.ts';
import { replyToStore } from '../calls/reply-to-store.ts';
import type { RunningCalls } from '../calls/running-calls.ts';

export interface DetachParts {
  /** The agents that keep jobs on this node; without one, calls cannot be detached. */
  readonly keepers: () => readonly Jobs[];
  readonly audit: Pick<AuditLog, 'append'>;
  readonly track: RunningCalls['run'];
  readonly identity: string;
  readonly log: Log;
}

/**
 * Replies at once to a detached request, and continues it as a job, whose end is recorded and kept. The job begins when
 * it is on the disk; a job that runs when the daemon dies is never run again.
 */
export function detach(parts: DetachParts): Stage {
  return (next) => async (call) => {
    const { requestId: id, runId, dryRun, action, detach: isDetached } = call.opened.request;
    if (!isDetached) return await next(call);
    const [keeper] = parts.keepers();
    if (keeper === undefined) {
      const what = `${parts.identity} does not keep jobs: nothing was done`;
      return answer(refusal(new Problem('no-jobs', what, 'enable the agent jobs in its node.yaml')));
    }
    const agent = call.entry?.ddl.name ?? '';
    let job: StartedJob;
    try {
      job = await keeper.begin({ id, caller: call.caller, agent, action, runId, dryRun });
    } catch (error) {
      if (error instanceof Problem) return answer(refusal(error));
      throw error;
    }
    parts
      .track(() => finish(call, job, next, parts))
      .catch((error: unknown) => {
        parts.log.error({ err: error, request: id }, 'the end of a job could not be stored');
      });
    return answer({ ...okReply({}), code: 'detached', message: `job ${id} runs` });
  };
}

/** The end of the job is in the audit log before anyone can see it. */
async function finish(call: IncomingCall, job: StartedJob, next: Handle, { audit, log }: DetachParts): Promise<void> {
  const { cancelled, progress } = job;
  const content = await run({ ...call, onProgress: progress, gone: cancelled, cancelled }, next, log);
  const { outcome, status, code, message } = content;
  const { requestId, try: attempt } = call.opened.request;
  try {
    const event = { kind: 'ended', intent: call.intent ?? 0, request_id: requestId, try: attempt } as const;
    await audit.append({ ...event, outcome, status, code, message }, true);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    log.error({ err: error, request: requestId }, 'the end of a job is not in the audit log');
  }
  await job.end(content);
}

async function run(call: IncomingCall, next: Handle, log: Log): Promise<ReplyContent> {
  try {
    const { content } = await next(call);
    return replyToStore(content, call);
  } catch (error) {
    const known = error instanceof Problem ? error : fileProblem(error);
    if (known !== undefined) return failure(known);
    log.error({ err: error, request: call.opened.request.requestId }, 'a job failed unexpectedly');
    return failure(new Problem('internal', 'internal error: see the log of the node'));
  }
}
