import { type ActionDdl, actionOf, type Ddl } from '../../core/ddl/ddl.ts';
import { inputValidatorOf } from '../../core/ddl/input.ts';
import { faultsOf, formatPath } from '../../core/ddl/schema.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { suggest } from '../../core/text.ts';
import { type Batching, callAll, callAsFound, type Called, type Plan } from './call.ts';
import { learnDdl } from './learn-ddl.ts';
import type { Session } from './session.ts';
import { discoveryMethod } from './sources.ts';
import type { TargetOptions } from './targets.ts';

/** A call to all nodes that match, of an agent that is built in or that the nodes describe. */
export interface AgentCall {
  readonly agent: string;
  /** The call, where the agent is built in. */
  readonly planned: Plan | undefined;
  /** Makes it from the description that the nodes give. @throws Problem when it does not fit */
  readonly plan: (ddl: Ddl) => Plan;
  readonly targets: TargetOptions;
  readonly batching: Batching;
  readonly onOutcome: (plan: Plan) => (outcome: Outcome) => void;
  readonly signal: AbortSignal;
}

/** Finds the nodes and calls them. Exactly one outcome a node. */
export async function callAgent(
  { agent, planned, plan: planFor, targets, batching, onOutcome, signal }: AgentCall,
  session: Session,
  catalogue: readonly Ddl[],
): Promise<Called & { readonly plan: Plan }> {
  if (canCallAsFound(planned, batching, targets, session)) {
    return { plan: planned, ...(await callAsFound(planned, targets, session, signal, onOutcome(planned))) };
  }
  const findings = await session.find(targets, { full: planned === undefined, signal });
  const plan = planned ?? planFor(learnDdl(agent, findings.nodes, catalogue, session.world));
  const began = performance.now();
  const outcomes = await callAll(plan, findings.nodes, targets, session, batching, signal, onOutcome(plan));
  return { plan, findings, outcomes, elapsed: performance.now() - began };
}

/**
 * Whether a call may go out to each node as soon as that is proven. Batches and limits need all nodes first; so does an
 * agent that only the nodes describe, and a change where two nodes may answer to one name: that shows when all are heard.
 */
function canCallAsFound(
  planned: Plan | undefined,
  { batch }: Batching,
  targets: TargetOptions,
  { config, world }: Session,
): planned is Plan {
  if (planned === undefined || batch !== undefined || targets.limit !== undefined) return false;
  const method = discoveryMethod(targets, config, world);
  return planned.description.kind === 'read' || ['file', 'stdin', 'cache'].includes(method);
}

/** An action of an agent. @throws Problem `usage` when there is none of that name, or it has no dry run */
export function requireAction(ddl: Ddl, action: string, dryRun: boolean): ActionDdl {
  const description = actionOf(ddl, action);
  if (description === undefined) {
    const hint = suggest(action, Object.keys(ddl.actions));
    throw new Problem('usage', `the agent ${ddl.name} has no action “${action}”`, hint);
  }
  if (dryRun && description.kind === 'change' && !description.dryRun) {
    throw new Problem('usage', `${ddl.name}.${action} cannot show what it would change`);
  }
  return description;
}

/** @throws Problem `invalid-input` */
export function checkInput(ddl: Ddl, action: string, description: ActionDdl, input: JsonObject): void {
  const validate = inputValidatorOf(ddl, action, description);
  if (validate(structuredClone(input))) return;
  const [fault] = faultsOf(validate);
  const where = fault === undefined || fault.path.length === 0 ? '' : `${formatPath(fault.path)} `;
  throw new Problem('invalid-input', `${ddl.name}.${action}: ${where}${fault?.message}`);
}
