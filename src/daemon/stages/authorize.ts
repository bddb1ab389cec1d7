import { Problem } from '../../core/errors.ts';
import { refusal } from '../../core/request/reply.ts';
import { answer, limitsOf, type Stage } from '../call.ts';
import type { Policies } from '../agents/policies.ts';

/** Lets a call through only if a policy allows it to this caller on this node now. */
export function authorize(policies: Policies, identity: string): Stage {
  return (next) => async (call) => {
    const agent = call.entry?.ddl.name ?? call.opened.request.agent;
    const { action } = call.opened.request;
    const applications = limitsOf(call);
    const limited = applications !== undefined;
    if (await policies.allows({ caller: call.caller, agent, action, limited })) return await next(call);
    const message = `${call.caller} may not ${agent}.${action} on ${identity}`;
    const hint = limited ? named(agent, call.caller) : `a policy on the node must allow it (policies/${agent}.policy)`;
    return answer(refusal(new Problem('policy-denied', message, hint)));
  };
}

function named(agent: string, caller: string): string {
  return `its certificate is limited: a rule of policies/${agent}.policy on the node must name ${caller}, “*” does not count`;
}
