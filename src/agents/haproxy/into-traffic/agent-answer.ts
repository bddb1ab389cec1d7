import { forceAgent } from '../servers/change.ts';
import type { ServerLine } from '../servers/line.ts';
import { saysDown, type AgentCheck } from '../servers/server.ts';
import { adminStateOf } from '../servers/state.ts';

/** Milliseconds until an agent-check counts as one without an answer: HAProxy asks every 2 s by default. */
const agentPatience = 2500;
/** How many reads that takes at least: a HAProxy that gets no processor time asks nothing meanwhile, and answers few of them. */
const patientReads = 60;
/** How many consecutive reads must show that an agent-check has answered and did not say “down”. */
const enoughReads = 4;

/**
 * The answer of an agent-check after it is switched on again, with its result set to “down”. Some never say “up”, others
 * cannot be reached: HAProxy ignores these, so the result is set to “up” for them.
 *
 * A question that HAProxy was seen to ask is waited for to its end, however long the agent takes (HAProxy’s `timeout
 * check`). One that is asked and answered between two reads, with the answer of before, is not seen.
 */
export function awaitAgentAnswer(signal: AbortSignal) {
  let first: { readonly agent: AgentCheck; readonly at: number } | undefined;
  let wasAsking = false;
  let answered = false;
  let reads = 0;
  let silentReads = 0;
  return {
    /** @param now the line as HAProxy shows it now */
    async read(now: ServerLine): Promise<void> {
      const { agent } = now.server;
      first ??= { agent, at: performance.now() };
      const hasEnded = wasAsking && !agent.asking;
      answered ||= hasEnded || agent.status !== first.agent.status || agent.words !== first.agent.words;
      wasAsking = agent.asking;
      reads++;
      const waited = performance.now() - first.at >= agentPatience;
      const isQuiet = agent.asking ? answered && waited : answered || (waited && reads >= patientReads);
      const silent = agent.health === 0 && !saysDown(agent) && adminStateOf(now.server) === 'ready';
      // The two answers that show an agent-check come from different moments: only a repeated observation counts.
      silentReads = silent && isQuiet ? silentReads + 1 : 0;
      if (silentReads >= enoughReads) await forceAgent(now, 'up', signal);
    },
  };
}
