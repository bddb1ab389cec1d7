import { Problem } from '../../core/errors.ts';
import type { NodeFacts } from '../../core/node.ts';
import { refusal, replyStatus } from '../../core/request/reply.ts';
import { suggest } from '../../core/text.ts';
import { answer, type Stage } from '../call.ts';

/** Refuses what is meant for another node, or for an agent or action that is not here. */
export function match(self: () => NodeFacts): Stage {
  return (next) => async (call) => {
    const { name: identity, agents } = self();
    const { target, agent, action } = call.opened.request;
    if (target !== identity) {
      return answer(refusal(new Problem('wrong-target', `the request is for ${target}, and this is ${identity}`)));
    }
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
