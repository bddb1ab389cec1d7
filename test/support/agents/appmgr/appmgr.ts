import { startAppmgr } from '../../../../src/agents/appmgr/agent.ts';
import type { AppmgrConfig } from '../../../../src/agents/appmgr/config.ts';
import type { ActionContext, AgentSetup } from '../../../../src/core/agent.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import { actionContext, agentSetup } from '../agent-setup.ts';

export type AppmgrCall = (input: JsonObject, context?: Partial<ActionContext>) => Promise<JsonObject>;

/** The agent, with its actions as functions. */
export async function appmgrOn(config: AppmgrConfig, overrides: Partial<AgentSetup<AppmgrConfig>> = {}) {
  const { handlers } = await startAppmgr(agentSetup(config, overrides));
  const call = (action: string): AppmgrCall => {
    const handler = handlers[action] as unknown as (input: JsonObject, context: ActionContext) => Promise<JsonObject>;
    return async (input, context = {}) => handler(input, actionContext(context));
  };
  return {
    upgrade: call('upgrade'),
    fetch: call('fetch'),
    rollback: call('rollback'),
    releases: call('releases'),
    restart: call('restart'),
    status: call('status'),
  };
}
