import type { ProblemCode } from '../../core/problems/index.ts';
import type { AgentEntry } from '../../core/agent.ts';
import type { ActionDdl } from '../../core/ddl/ddl.ts';
import { inputValidatorOf } from '../../core/ddl/input.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { refusal, replyStatus } from '../../core/request/reply.ts';
import { revealInput } from '../../core/request/request.ts';
import { faultsOf, formatPath } from '../../core/ddl/schema.ts';
import { answer, type IncomingCall, type Stage } from '../call.ts';

/** Checks the arguments against the action's DDL again, whatever the client has checked. */
export function validate(): Stage {
  return (next) => async (call) => {
    const { entry, action } = call;
    if (entry === undefined || action === undefined) throw new Problem('internal', 'validate runs after match');
    try {
      return await next({ ...call, input: checkInput(call, entry, action) });
    } catch (error) {
      if (error instanceof Problem && error instanceof InputProblem) return answer(refusal(error, error.status));
      throw error;
    }
  };
}

class InputProblem extends Problem {
  readonly status: number;

  constructor(code: ProblemCode, message: string, status: number, hint = '') {
    super(code, message, hint);
    this.status = status;
  }
}

function checkInput(call: IncomingCall, entry: AgentEntry, action: ActionDdl): JsonObject {
  const name = call.opened.request.action;
  const input = reveal(call);
  const check = inputValidatorOf(entry.ddl, name, action);
  if (!check(input)) {
    const [fault] = faultsOf(check);
    const missing = check.errors?.some((error) => error.keyword === 'required') === true;
    const where = fault === undefined || fault.atKey || missing ? '' : `${formatPath(fault.path)} `;
    const message = `${entry.ddl.name}.${name}: ${where}${fault?.message ?? 'the input is not valid'}`;
    throw new InputProblem('invalid-input', message, missing ? replyStatus.missingInput : replyStatus.invalidInput);
  }
  if (call.opened.request.dryRun && action.kind === 'change' && !action.dryRun) {
    throw new InputProblem(
      'no-dry-run',
      `${entry.ddl.name}.${name} cannot show what it would change`,
      replyStatus.other,
    );
  }
  return input;
}

function reveal(call: IncomingCall): JsonObject {
  try {
    return revealInput(call.opened);
  } catch (error) {
    if (error instanceof Problem) throw new InputProblem(error.code, error.message, replyStatus.invalidInput);
    throw error;
  }
}
