import { forceAgent } from '../servers/change.ts';
import type { ServerLine } from '../servers/line.ts';
import { saysDown, type AgentCheck } from '../servers/server.ts';
import { adminStateOf } from '../servers/state.ts';

/** Milliseconds until an agent-check counts as one without an answer: HAProxy asks every 2 s by default. */
const agentPatience = 2500;
/** How many consecutive reads must show that an agent-check has answered and did not say “down”. */
const enoughReads = 4;

/**
 * The answer of an agent-check after it is switched on again, with its result set to “down”. Some never say “up”, others
 * cannot be reached: HAProxy ignores these, so the result is set to “up” for them.
 */
export function awaitAgentAnswer(signal: AbortSignal) {
  let first: { readonly agent: AgentCheck; readonly at: number } | undefined;
  let asked = false;
  let silentReads = 0;
  return {
    /** @param now the line as HAProxy shows it now */
    async read(now: ServerLine): Promise<void> {
      const { agent } = now.server;
      first ??= { agent, at: performance.now() };
      asked ||= agent.asking || agent.status !== first.agent.status || agent.words !== first.agent.words;
      const waited = performance.now() - first.at >= agentPatience;
      const silent = agent.health === 0 && !saysDown(agent) && adminStateOf(now.server) === 'ready';
      // The two answers that show an agent-check come from different moments: only a repeated observation counts.
      silentReads = silent && (waited || (asked && !agent.asking)) ? silentReads + 1 : 0;
      if (silentReads >= enoughReads) await forceAgent(now, 'up', signal);
    },
  };
}
