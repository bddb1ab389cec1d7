import { newId } from '../../core/request/seal.ts';
import { type ActionDdl, actionOf, type Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { callNode } from './call-node.ts';
import { fanOut } from './fan-out.ts';
import type { Session } from './session.ts';

/** One call of one action, for commands that ask on their own behalf; the input may depend on the node. */
export interface ActionCall {
  readonly ddl: Ddl;
  readonly action: string;
  readonly input: (node: string) => JsonObject;
}

/** Asks nodes that were found. Exactly one outcome a node, in their order. */
export async function askNodes(
  { ddl, action, input }: ActionCall,
  nodes: readonly FoundNode[],
  { config, caller }: Session,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const description = requireAction(ddl, action);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const about = {
    agent: ddl.name,
    action,
    requestId: newId(),
    try: 1,
    dryRun: false,
    sensitive: [],
    runId: '',
    step: '',
  };
  const timeout = (description.timeout + config.timeout) * 1000;
  const settings = { timeout, changes: description.kind === 'change', onProgress: () => {}, signal };
  const ask = (target: string) => {
    const order = { ...about, target, input: input(target), timeToLive: 60_000, deadline: 0, lease: '', fence: 0 };
    return callNode((byName.get(target) as FoundNode).connection, order, caller, settings);
  };
  return await fanOut([...byName.keys()], config.concurrency, ask, () => {});
}

function requireAction(ddl: Ddl, action: string): ActionDdl {
  const found = actionOf(ddl, action);
  if (found === undefined) throw new Problem('internal', `${ddl.name} has no action ${action}`);
  return found;
}
