import { join } from 'node:path';
import { startPublish } from '../../../src/agents/publish/agent.ts';
import type { Agent } from '../../../src/core/agent.ts';
import type { NodeView } from '../../../src/core/ports.ts';
import { agentSetup, fixedNode } from '../agents/agent-setup.ts';
import type { Fleet } from '../fleet/fleet.ts';

const settings = { applications: { shop: {} }, max_size: 1e9, max_total: 1e9, keep: 2, serve: 2 };

export interface Publishing {
  readonly agent: Agent;
  /** What its policy was asked. */
  readonly asked: readonly object[];
  /** What its audit log has of artifacts that were sent. */
  readonly served: readonly { readonly bytes: number; readonly code: string; readonly peer: string }[];
  /** What its policy answers; a test may change it. */
  allowed: boolean;
}

/** The agent “publish” of a node without a daemon, in `publish/` of a directory. */
export async function startPublishing(fleet: Fleet, state: string): Promise<Publishing> {
  const asked: object[] = [];
  const served: Publishing['served'][number][] = [];
  const policy = { allowed: true };
  const view: NodeView = {
    ...fixedNode,
    may: async (access) => {
      asked.push(access);
      return policy.allowed;
    },
    audit: { ...fixedNode.audit, trust: () => fleet.trust, served: async (event) => void served.push(event) },
  };
  const agent = await startPublish(agentSetup(settings, { node: view, stateDirectory: join(state, 'publish') }));
  return Object.assign(policy, { agent, asked, served });
}
