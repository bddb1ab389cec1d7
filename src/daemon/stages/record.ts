import type { IntentRecord } from '../../core/audit/record.ts';
import { Problem } from '../../core/errors.ts';
import { callerId } from '../../core/identity.ts';
import { refusal } from '../../core/request/reply.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Policies } from '../agents/policies.ts';
import { type RefusalSampling, startRefusalSampling } from '../audit/refusal-sampling.ts';
import { startRefusalBudget } from '../calls/refusal-budget.ts';
import { type Answer, answer, type IncomingCall, type Stage, limitsOf } from '../incoming-call.ts';

/** Problems that leave no proven caller: the request is attributed to the peer that delivered it. */
const unproven = new Set(['foreign-certificate', 'bad-certificate', 'bad-signature']);

/**
 * Records the request before anything is done, and the outcome before the reply is sent; refusals too.
 * A request that can't be recorded is refused, reads too. The records of actions that may change something are
 * on the disk before it begins and before its reply; those of reads have been handed to the kernel by then, and are on the
 * disk within 100 ms (docs/audit.md).
 * A request without a proven caller is attributed to the peer whose connection brought it.
 */
export function record(log: AuditLog, policies: Pick<Policies, 'allows'>, now: () => number): Stage {
  const budget = startRefusalBudget(now);
  const sampling = startRefusalSampling(now, briefInterval);
  return (next) => async (incoming) => {
    const call = { ...incoming, caller: accountable(incoming) };
    const bytes = 3 * call.opened.signed.request.length + fixedBytes;
    if (!(await mayAsk(call, policies)) && !budget.spend(call.caller, bytes)) {
      return await refuseBriefly(log, call, sampling);
    }
    const changes = call.action?.kind !== 'read';
    let intent: number;
    try {
      intent = await log.append(intentOf(call), changes);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return answer(refusal(new Problem(error.code, `nothing was done: ${error.message}`)));
    }
    return await writeOutcome(log, call, { intent, changes }, await next({ ...call, intent }));
  };
}

/** Milliseconds between two records of refusals to a caller whose budget is used up. */
const briefInterval = 60_000;
/** Bytes of a request and its outcome in the log, beyond the request itself, which occurs twice. */
const fixedBytes = 4096;

async function mayAsk(call: IncomingCall, policies: Pick<Policies, 'allows'>): Promise<boolean> {
  const { verification, caller, entry, opened } = call;
  if ('problem' in verification) return false;
  const { agent, action } = opened.request;
  const limited = limitsOf(call) !== undefined;
  return await policies.allows({ caller, agent: entry?.ddl.name ?? agent, action, limited });
}

/**
 * Refuses a request that would be refused anyway, and records only at intervals how often: a caller without rights must
 * not fill the log.
 */
async function refuseBriefly(log: AuditLog, call: IncomingCall, sampling: RefusalSampling): Promise<Answer> {
  const { caller } = call;
  const what = `${caller} has been refused too often: not all of its requests are recorded`;
  const refused = new Problem('rate-limited', what, 'no policy allows it to call this');
  const recorded = sampling.choose(caller, refused);
  const reply = answer(refusal(refused));
  if (recorded === undefined) return reply;
  const { request_id, try: attempt, request_time, dry_run } = intentOf(call);
  const [agent, action] = [call.opened.request.agent.slice(0, 64), call.opened.request.action.slice(0, 64)];
  const nothing = { run_id: '', step: '', arguments: {}, request: '', request_signature: '', caller_certificate: '' };
  const fields = { request_id, try: attempt, request_time, dry_run, caller, agent, action };
  try {
    const intent = await log.append({ kind: 'intent', ...fields, ...nothing, verdict: 'rate-limited' }, false);
    const content = { ...reply.content, message: recorded.message };
    await writeOutcome(log, call, { intent, changes: false }, { ...reply, content });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
  return reply;
}

function accountable({ verification, peer, caller }: IncomingCall): string {
  return 'problem' in verification && unproven.has(verification.problem.code) ? callerId(peer) : caller;
}

async function writeOutcome(
  log: AuditLog,
  call: IncomingCall,
  { intent, changes }: { readonly intent: number; readonly changes: boolean },
  answer: Answer,
): Promise<Answer> {
  const { requestId, try: attempt } = call.opened.request;
  const { outcome, status, code, message } = answer.content;
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
    await log.append({ ...event, recorded: answer.recorded }, changes);
    return answer;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // It was done and cannot be undone: the reply reports both.
    const hint = `${answer.content.hint} (the outcome is not in the audit log: ${error.message})`.trim();
    return { ...answer, content: { ...answer.content, hint } };
  }
}

function intentOf({ opened, peer, verification, caller }: IncomingCall): IntentRecord {
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
    verdict: 'problem' in verification ? verification.problem.code : 'verified',
    request: signed.request.toString('base64'),
    request_signature: signed.signature.toString('base64'),
    caller_certificate: (signed.chain[0] ?? Buffer.alloc(0)).toString('base64'),
    ...(peer.kind === 'node' ? { relay: peer.name } : {}),
  };
}
