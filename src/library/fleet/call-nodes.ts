import { mapLimited } from '../../core/waiting/concurrency.ts';
import { callDefaults, newId } from '../../core/request/request.ts';
import { type ActionDdl, actionOf, type Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { callNode } from './call-node.ts';
import type { Session } from './session.ts';

/** A call of one action, for commands that call for their own purposes; the input may depend on the node. */
export interface ActionCall {
  readonly ddl: Ddl;
  readonly action: string;
  readonly input: (node: string) => JsonObject;
  /** Dry run: report what would change. */
  readonly dryRun?: boolean;
}

/** The same input for all nodes. */
export interface NodeActionCall extends Omit<ActionCall, 'input'> {
  readonly input: JsonObject;
  /** Seconds, instead of the action's own and the client's. */
  readonly timeout?: number | undefined;
}

/** Calls found nodes. Exactly one outcome a node, in their order. */
export async function callNodes(
  { ddl, action, input, dryRun = false }: ActionCall,
  nodes: readonly FoundNode[],
  { config, caller }: Session,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const requestId = newId();
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const one = (name: string) =>
    callFoundNode(
      { ddl, action, dryRun, input: input(name) },
      byName.get(name) as FoundNode,
      { config, caller },
      signal,
      requestId,
    );
  return await mapLimited([...byName.keys()], config.concurrency, one);
}

/** Calls one node. */
export async function callFoundNode(
  { ddl, action, input, dryRun = false, timeout: seconds }: NodeActionCall,
  { name, connection }: FoundNode,
  { config, caller }: Pick<Session, 'config' | 'caller'>,
  signal: AbortSignal,
  requestId = newId(),
): Promise<Outcome> {
  const { kind, timeout } = requireAction(ddl, action);
  return await callNode(
    connection,
    { ...callDefaults, requestId, target: name, agent: ddl.name, action, input, dryRun },
    caller,
    { timeout: (seconds ?? timeout + config.timeout) * 1000, changes: kind === 'change', onProgress: () => {}, signal },
  );
}

function requireAction(ddl: Ddl, action: string): ActionDdl {
  const found = actionOf(ddl, action);
  if (found === undefined) throw new Problem('internal', `${ddl.name} has no action ${action}`);
  return found;
}
