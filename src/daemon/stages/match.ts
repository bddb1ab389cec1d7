import { Problem } from '../../core/errors.ts';
import { matchesFilter, parseFilter } from '../../core/filter/filter.ts';
import type { NodeFacts } from '../../core/node.ts';
import { refusal, replyStatus } from '../../core/request/reply.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { suggest } from '../../core/text.ts';
import { answer, type Stage } from '../call.ts';

/** Refuses what is meant for another node, for nodes that match a filter when this one does not, or for an agent or action that is not here. */
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
