// The descriptions of agents, built in or learned from nodes, and the requirements of a call.
import { type ActionDdl, actionOf, type Ddl } from '../../core/ddl/ddl.ts';
import { inputValidatorOf } from '../../core/ddl/input.ts';
import { parseOutsideDdl } from '../../core/ddl/outside-ddl.ts';
import { faultsOf, formatPath } from '../../core/ddl/schema.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { count, nearest, printable, suggest } from '../../core/text.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { Environment } from './environment.ts';

/** The description of a built-in agent, by its name or an alias. */
export function findDdl(catalogue: readonly Ddl[], agent: string): Ddl | undefined {
  return catalogue.find(({ name, aliases }) => name === agent || aliases?.includes(agent) === true);
}

/** The same, if it must exist. @throws Problem `unknown-agent` */
export function requireDdl(catalogue: readonly Ddl[], agent: string): Ddl {
  const found = findDdl(catalogue, agent);
  if (found !== undefined) return found;
  throw new Problem(
    'unknown-agent',
    `there is no agent “${agent}”`,
    `known: ${catalogue.map(({ name }) => name).join(', ')}`,
  );
}

/**
 * The description of an agent that is not built in, from the nodes that have it. If they differ, the most frequent one
 * is used, so that a single node cannot decide what the others are asked; each node checks its own in any case.
 * @throws Problem `unknown-agent`, `bad-ddl`
 */
export function learnDdl(
  agent: string,
  nodes: readonly FoundNode[],
  known: readonly Ddl[],
  { warn }: Pick<Environment, 'warn'>,
): Ddl {
  const described = nodes.flatMap(({ name, description: { agents } }) =>
    agents.filter((one) => one.name === agent && one.ddl.length > 0).map(({ ddl }) => ({ node: name, ddl })),
  );
  const versions = [...Map.groupBy(described, ({ ddl }) => ddl.toString('base64')).values()];
  const [most, ...others] = versions.sort((a, b) => b.length - a.length);
  const [first] = most ?? [];
  if (first === undefined) throw unknownAgent(agent, known);
  if (others.length > 0) {
    const from = others.flat().map(({ node }) => node);
    warn(`${printable(from.join(', '))} describe ${agent} differently from ${count(most?.length ?? 0, 'other node')}`);
  }
  const ddl = parseOutsideDdl(first.ddl, `the agent ${agent} on ${first.node}`);
  if (ddl.name !== agent) throw new Problem('bad-ddl', `${first.node} describes an agent other than ${agent}`);
  return ddl;
}

function unknownAgent(agent: string, known: readonly Ddl[]): Problem {
  const near = nearest(
    agent,
    known.map(({ name }) => name),
  );
  const hint =
    near === undefined ? 'its nodes may be unreachable: see “mco-deploy find -v”' : `did you mean “${near}”?`;
  return new Problem('unknown-agent', `there is no agent “${agent}”, neither here nor on a matching node`, hint);
}

/** An action of an agent. @throws Problem `usage` when there is none with that name, or it has no dry run */
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
