import type { IntentRecord } from '../../core/audit/record.ts';
import { Problem } from '../../core/errors.ts';
import { callerId } from '../../core/identity.ts';
import { refusal } from '../../core/request/reply.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { type Answer, answer, type IncomingCall, type Stage } from '../call.ts';

/** Problems that leave nobody whom the request could be laid to but the one who brought it. */
const unproven = new Set(['foreign-certificate', 'bad-certificate', 'bad-signature']);

/**
 * Writes what was asked before anything is done, and what became of it before the reply is sent; refusals too.
 * What can't be written is not done, and what only reads is refused, too. The records of what may change something are
 * on the disk before it begins and before its reply; those of what only reads are with the kernel by then, and on the
 * disk within 100 ms (docs/audit.md).
 * A request that nobody is proven to have made is laid to the one whose connection brought it.
 */
export function record(log: AuditLog): Stage {
  return (next) => async (given) => {
    const call = { ...given, caller: accountable(given) };
    const changes = call.action?.kind !== 'read';
    let intent: number;
    try {
      intent = await log.append(intentOf(call), changes);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return answer(refusal(new Problem(error.code, `nothing was done: ${error.message}`)));
    }
    return await writeOutcome(log, call, { intent, changes }, await next(call));
  };
}

function accountable({ verdict, peer, caller }: IncomingCall): string {
  return 'problem' in verdict && unproven.has(verdict.problem.code) ? callerId(peer) : caller;
}

async function writeOutcome(
  log: AuditLog,
  call: IncomingCall,
  { intent, changes }: { readonly intent: number; readonly changes: boolean },
  given: Answer,
): Promise<Answer> {
  const { requestId, try: attempt } = call.opened.request;
  const { outcome, status, code, message } = given.content;
  try {
    const event = {
      kind: 'outcome',
      intent,
      request_id: requestId,
      try: attempt,
      outcome,
      status,
      code,
      message,
    } as const;
    await log.append({ ...event, recorded: given.recorded }, changes);
    return given;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // It was done and can't be undone: the caller is told both.
    const hint = `${given.content.hint} (the outcome is not in the audit log: ${error.message})`.trim();
    return { ...given, content: { ...given.content, hint } };
  }
}

function intentOf({ opened, verdict, caller }: IncomingCall): IntentRecord {
  const { request, signed, shown } = opened;
  return {
    kind: 'intent',
    request_id: request.requestId,
    try: request.try,
    run_id: request.runId,
    step: request.step,
    caller,
    agent: request.agent,
    action: request.action,
    dry_run: request.dryRun,
    arguments: shown,
    request_time: request.issuedAt,
    verdict: 'problem' in verdict ? verdict.problem.code : 'verified',
    request: signed.request.toString('base64'),
    request_signature: signed.signature.toString('base64'),
    caller_certificate: (signed.chain[0] ?? Buffer.alloc(0)).toString('base64'),
  };
}
