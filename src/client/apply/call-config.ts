import type { Ddl } from '../../core/ddl/ddl.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { callDefaults, newId } from '../../core/request/request.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { callNode } from '../../library/fleet/call-node.ts';
import type { Session } from '../fleet/session.ts';

/** What a change over the fabric needs. */
export interface FabricTransport {
  readonly ddl: Ddl;
  readonly session: Session;
  readonly replace: boolean;
  readonly signal: AbortSignal;
}

/** Calls the agent `config` of a node. */
export async function callConfig(
  { name, connection }: Pick<FoundNode, 'name' | 'connection'>,
  action: string,
  input: JsonObject,
  { ddl, session, signal }: FabricTransport,
): Promise<Outcome> {
  const { kind = 'read', timeout = 10 } = ddl.actions[action] ?? {};
  const sensitive = action === 'apply' ? ['files'] : [];
  const options = { ...callDefaults, requestId: newId(), target: name, agent: ddl.name, action, input, sensitive };
  const settings = {
    timeout: (timeout + session.config.timeout) * 1000,
    changes: kind === 'change',
    onProgress: () => {},
    signal,
  };
  return await callNode(connection, options, session.caller, settings);
}
