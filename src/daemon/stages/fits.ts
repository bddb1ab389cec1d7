// Whether the request matches this node: it is for this node (*match*), which has its agent and action, and its input
// matches the action's description (*validate*).
import type { AgentEntry } from '../../core/agent.ts';
import { type ActionDdl, sensitiveInputs } from '../../core/ddl/ddl.ts';
import { inputValidatorOf } from '../../core/ddl/input.ts';
import { faultsOf, formatPath } from '../../core/ddl/schema.ts';
import { Problem } from '../../core/errors.ts';
import { matchesFilter, parseFilter } from '../../core/filter/filter.ts';
import type { JsonObject } from '../../core/json.ts';
import type { NodeFacts } from '../../core/node.ts';
import type { ProblemCode } from '../../core/problems/index.ts';
import { refusal, replyStatus } from '../../core/request/reply.ts';
import { revealInput } from '../../core/request/request.ts';
import { suggest } from '../../core/text.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { answer, type IncomingCall, type Stage } from '../incoming-call.ts';

/**
 * Refuses a request for another node, for nodes that match a filter when this one does not, or for an agent or action
 * that does not exist here.
 */
export function match(self: () => NodeFacts): Stage {
  return (next) => async (call) => {
    const node = self();
    const { name: identity, agents } = node;
    const { target, agent, action, filter } = call.opened.request;
    if (target !== identity) {
      return answer(refusal(new Problem('wrong-target', `the request is for ${target}, and this is ${identity}`)));
    }
    const unmatched = filter === null ? undefined : judgeFilter(filter, node);
    if (unmatched !== undefined) return answer(refusal(unmatched));
    if (call.entry === undefined) {
      const problem = new Problem(
        'unknown-agent',
        `there is no agent “${agent}” on ${identity}`,
        suggest(agent, agents),
      );
      return answer(refusal(problem, replyStatus.unknownAction));
    }
    if (call.action === undefined) {
      const hint = suggest(action, Object.keys(call.entry.ddl.actions));
      const problem = new Problem('unknown-action', `the agent ${call.entry.ddl.name} has no action “${action}”`, hint);
      return answer(refusal(problem, replyStatus.unknownAction));
    }
    return await next(call);
  };
}

function judgeFilter(filter: FilterTerms, node: NodeFacts): Problem | undefined {
  try {
    if (matchesFilter(parseFilter(filter), node)) return undefined;
    return new Problem('not-matched', `${node.name} does not match the filter of the request`);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/** Checks the arguments against the action's DDL again, whatever the client has checked. */
export function validate(): Stage {
  return (next) => async (call) => {
    const { entry, action } = call;
    if (entry === undefined || action === undefined) throw new Problem('internal', 'validate runs after match');
    try {
      return await next({ ...call, input: checkInput(call, entry, action) });
    } catch (error) {
      if (error instanceof InputProblem) return answer(refusal(error, error.status));
      throw error;
    }
  };
}

/** Characters of a name that a message repeats. */
const longestShown = 64;

class InputProblem extends Problem {
  readonly status: number;

  constructor(code: ProblemCode, message: string, status: number, hint = '') {
    super(code, message, hint);
    this.status = status;
  }
}

function checkInput(call: IncomingCall, entry: AgentEntry, action: ActionDdl): JsonObject {
  const name = call.opened.request.action;
  const input = reveal(call, action);
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

function reveal(call: IncomingCall, action: ActionDdl): JsonObject {
  const mayBeHidden = sensitiveInputs(action);
  // The audit log has no value of a hidden input: a caller must not choose what it shows.
  const hidden = Object.keys(call.opened.signed.sensitive).find((name) => !mayBeHidden.includes(name));
  if (hidden !== undefined) {
    const what = `the input “${hidden.slice(0, longestShown)}” is hidden from the audit log, and its description does not mark it as sensitive`;
    throw new InputProblem('bad-commitment', what, replyStatus.invalidInput);
  }
  try {
    return revealInput(call.opened);
  } catch (error) {
    if (error instanceof Problem) throw new InputProblem(error.code, error.message, replyStatus.invalidInput);
    throw error;
  }
}
