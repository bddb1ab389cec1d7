import { type AgentCheck, saysDown, type Server } from './server.ts';
import { adminBits, inRotation, isUp } from './state.ts';

/**
 * Why HAProxy sends a server no requests: the output of its failing check, or what else keeps it out. While a server
 * counts as up, the output may come from a check before the change.
 * @param before the reason at the previous reading: it is returned if HAProxy reports nothing newer
 */
export function reasonOf(server: Server, before = ''): string {
  if (inRotation(server)) return before;
  const { agent, admin } = server;
  if (agent.enabled && (admin & adminBits.forcedDrain) !== 0) return 'its agent-check answers “drain”';
  if (agent.enabled && (admin & adminBits.forcedMaintenance) !== 0) return 'its agent-check answers “maint”';
  if (agent.enabled && agent.health === 0 && saysDown(agent)) return `its agent-check answers ${quoteAgent(agent)}`;
  if ((admin & adminBits.unresolved) !== 0) return 'its host name does not resolve';
  if ((admin & (adminBits.inheritedMaintenance | adminBits.inheritedDrain)) !== 0)
    return `it follows ${server.tracked}, which is not in`;
  if (!isUp(server) && server.status !== 'DOWN (agent)') return server.check || before || server.status;
  if (isUp(server) && server.weight === 0)
    return agent.enabled ? 'its weight is 0 (an agent-check may set it)' : 'its weight is 0';
  if (agent.enabled && agent.health === 0 && server.status === 'DOWN (agent)')
    return 'its agent-check has not answered yet';
  return before;
}

/** HAProxy 2.2 does not keep its output. */
function quoteAgent({ words }: AgentCheck): string {
  return `“${words.replace(/^via agent : /, '') || 'down'}”`;
}
