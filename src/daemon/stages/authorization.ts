// Who may make this call, on this node, now: the stages that check the caller (*verify*, *lease*, *authorize*,
// *confine*) and those that protect a node whose identity or log is in doubt (*continuity*, *uniqueName*).
import { type ActionDdl, applicationInput } from '../../core/ddl/ddl.ts';
import { proveCertificate, type Trust } from '../../core/credentials/proof.ts';
import { duplicateProblem } from '../../core/duplicate.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { DuplicateNode } from '../../core/ports.ts';
import type { Leases } from '../../core/request/lease.ts';
import { refusal } from '../../core/request/reply.ts';
import type { Policies } from '../agents/policies.ts';
import { answer, type IncomingCall, limitsOf, type Stage } from '../incoming-call.ts';

/** A stage that refuses a call if it finds a problem, and changes nothing in it. */
function refuseIf(find: (call: IncomingCall) => Problem | undefined | Promise<Problem | undefined>): Stage {
  return (next) => async (call) => {
    const problem = await find(call);
    return problem === undefined ? await next(call) : answer(refusal(problem));
  };
}

/** Refuses a request without a valid signature, or of a caller whose certificate is not valid here and now. */
export function verify(): Stage {
  return refuseIf(({ verification }) => ('problem' in verification ? verification.problem : undefined));
}

/**
 * Refuses changes for a caller who knows a head that the audit log does not continue: it was cut, rewritten or restored
 * from a snapshot since. Reads pass, so that the reason can be found.
 */
export function continuity(): Stage {
  return refuseIf(({ headCheck, action, opened }) => {
    if (headCheck !== 'BROKEN' || action?.kind === 'read') return undefined;
    const { target, knownSequence } = opened.request;
    const what = `nothing was done: the audit log of ${target} does not continue record ${knownSequence}, which its caller knows`;
    return new Problem('audit-broken', what, `find out why, then “mco-deploy audit heads --forget ${target}”`);
  });
}

/**
 * Refuses a request under a lease that has ended, was broken, or was taken over: its sender does not know yet that
 * another run may be at work. It only checks: leases are taken by calls, which pass *authorize* like any other.
 * @param keepers the keepers of leases on this node; without any, no request under a lease passes
 */
export function lease(keepers: () => readonly Leases[], identity: string): Stage {
  return (next) => async (call) => {
    const { lease: name, fence, runId } = call.opened.request;
    if (name === '') return await next(call);
    const recheck = () => {
      const [keeper] = keepers();
      if (keeper === undefined) {
        return new Problem('stale-lease', `${identity} does not keep leases`, 'enable the agent lock in its node.yaml');
      }
      return keeper.check({ lease: name, fence, runId, caller: call.caller });
    };
    const problem = recheck();
    return problem === undefined ? await next({ ...call, recheck }) : answer(refusal(problem));
  };
}

/**
 * Passes a call only if a policy allows it to this caller on this node now. It is asked again when the call begins after
 * waiting for its turn: the caller may be revoked by then, or the policy changed.
 */
export function authorize(
  policies: Pick<Policies, 'allows'>,
  identity: string,
  trust: () => Trust,
  now: () => number,
): Stage {
  const judge = async (call: IncomingCall) => {
    const { caller } = call;
    const agent = call.entry?.ddl.name ?? call.opened.request.agent;
    const { action } = call.opened.request;
    const limited = limitsOf(call) !== undefined;
    if (await policies.allows({ caller, agent, action, limited })) return undefined;
    const file = `policies/${agent}.policy`;
    const hint = limited
      ? `its certificate is limited: a rule of ${file} on the node must name ${caller}, “*” does not count`
      : `a policy on the node must allow it (${file})`;
    return new Problem('policy-denied', `${caller} may not ${agent}.${action} on ${identity}`, hint);
  };
  return (next) => async (call) => {
    const problem = await judge(call);
    if (problem !== undefined) return answer(refusal(problem));
    const reauthorize = async () => proveAgain(call, trust(), now()) ?? (await judge(call));
    return await next({ ...call, reauthorize });
  };
}

function proveAgain({ verification }: IncomingCall, trust: Trust, now: number): Problem | undefined {
  if ('problem' in verification) return verification.problem;
  try {
    proveCertificate(verification.caller.certificate, 'operator', trust, now);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/**
 * Refuses every change on a node whose name another machine has also proven: the caller cannot know which of the two
 * would change. Reads pass, so that a person can find out.
 */
export function uniqueName(duplicates: () => readonly DuplicateNode[], identity: string): Stage {
  return refuseIf(({ action }) => {
    const duplicate = action?.kind === 'read' ? undefined : duplicates().find((one) => one.identity === identity);
    return duplicate === undefined ? undefined : duplicateProblem(duplicate);
  });
}

/** Restricts a limited certificate to its applications. After *validate*, which fills in defaults. */
export function confine(): Stage {
  return refuseIf((call) => {
    const applications = limitsOf(call);
    if (applications === undefined || call.action === undefined) return undefined;
    return outside(call.caller, applications, call.action, call.input);
  });
}

function outside(
  caller: string,
  applications: readonly string[],
  action: ActionDdl,
  input: JsonObject,
): Problem | undefined {
  const name = applicationInput(action);
  if (name === undefined || applications.includes(String(input[name]))) return undefined;
  const its = `the certificate of ${caller} is for ${applications.join(', ')}`;
  // If it is omitted, the node uses its only application: a limited caller must not rely on that.
  if (input[name] === undefined) {
    return new Problem('not-for-application', `${its}: name the application`, `give ${name}=${applications[0]}`);
  }
  const hint = 'ask the administrator of the CA for another one: “mco-deploy ca issue operator NAME --for APPLICATION”';
  return new Problem('not-for-application', `${its}, not for ${String(input[name])}`, hint);
}
