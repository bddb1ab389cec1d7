import { type ActionDdl, applicationInput } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { refusal } from '../../core/request/reply.ts';
import { answer, limitsOf, type Stage } from '../call.ts';

/** Keeps a certificate that is limited to applications to these. After *validate*, which fills in defaults. */
export function confine(): Stage {
  return (next) => async (call) => {
    const applications = limitsOf(call);
    if (applications === undefined || call.action === undefined) return await next(call);
    const problem = outside(call.caller, applications, call.action, call.input);
    return problem === undefined ? await next(call) : answer(refusal(problem));
  };
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
  // If it is left out, the node takes its only application: a limited caller must not rely on that.
  if (input[name] === undefined) {
    return new Problem('not-for-application', `${its}: name the application`, `give ${name}=${applications[0]}`);
  }
  const hint = 'ask the administrator of the CA for another one: “mco-deploy ca issue operator NAME --for APPLICATION”';
  return new Problem('not-for-application', `${its}, not for ${String(input[name])}`, hint);
}
