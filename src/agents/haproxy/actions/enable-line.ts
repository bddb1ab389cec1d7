import { forceAgent, lowerHealth } from '../servers/change.ts';
import { lineKey, type ServerLine } from '../servers/line.ts';
import type { AgentCheck, Server } from '../servers/server.ts';
import { adminBits, adminStateOf, inForcedMaintenance, inRotation, isUp } from '../servers/state.ts';
import type { Changes } from './undo.ts';

/** One line on its way into traffic. */
export interface LineEntry {
  readonly line: ServerLine;
  /** Restarts its checks, out of traffic. */
  readonly begin: () => Promise<void>;
  /** Takes the next step that HAProxy's current answer allows, up to a passed check. */
  readonly check: (now: ServerLine) => Promise<void>;
  /** Whether its check has passed, or it needs none. */
  readonly hasPassed: () => boolean;
  /** Puts it in, and waits for the answer of its agent-check. */
  readonly enter: (now: ServerLine) => Promise<void>;
  readonly isIn: () => boolean;
  /** The reason that it is not in yet. */
  readonly reason: () => string;
}

/** Milliseconds until an agent-check counts as one without an answer: HAProxy asks every 2 s by default. */
const agentPatience = 2500;
/** How many consecutive looks must show that an agent-check has answered and did not say “down”. */
const enoughLooks = 4;

/**
 * How a check newer than the change is distinguished from an older one: HAProxy itself sets the health of a server that
 * leaves maintenance to `rise`, the lowest that counts as up. Only a check that passes after that raises it to the
 * maximum (rise + fall - 1), and one that fails drops it to 0. If it is at the maximum anyway (fall 1, a server that
 * was in drain, `init-state`), “health down” sets it to 0, from where it needs `rise` new checks.
 *
 * The agent-check stays off until then: its “ready” would put the server in unchecked. It is switched on again with its
 * result set to “down”, so that the server gets nothing before the agent has answered.
 * @param agent whether the line's agent-check must be on in the end
 * @param isRestart whether it began before, in a process that a reload replaced: its check must pass in the new process
 */
export function defineLineEntry(
  line: ServerLine,
  agent: boolean,
  changes: Changes,
  signal: AbortSignal,
  isRestart = false,
): LineEntry {
  const out = adminStateOf(line.server) !== 'ready';
  const restores = agent && line.server.agent.configured && (out || !line.server.agent.enabled);
  const needsCheck = out || isRestart;
  let stage: 'drained' | 'checking' | 'passed' | 'entering' | 'in' = needsCheck || restores ? 'drained' : 'entering';
  let words = '';
  const say = restores ? defineAgentSay(signal) : undefined;
  return {
    line,
    async begin() {
      if (restores && line.server.agent.enabled) await changes.setAgent(line, false, signal);
      if (inForcedMaintenance(line.server)) await changes.set(line, 'drain', signal);
    },
    async check(now) {
      words = reasonOf(now.server, words);
      if (stage === 'drained' && !inForcedMaintenance(now.server)) {
        if (out && now.server.checked && now.server.health >= now.server.top) await lowerHealth(now, signal);
        stage = 'checking';
      } else if (stage === 'checking' && (!needsCheck || hasPassedCheck(now.server))) stage = 'passed';
    },
    hasPassed: () => stage !== 'drained' && stage !== 'checking',
    async enter(now) {
      words = reasonOf(now.server, words);
      if (stage === 'passed') {
        if (restores) {
          await changes.setAgent(line, true, signal);
          await forceAgent(now, 'down', signal);
        }
        await changes.set(line, 'ready', signal);
        stage = 'entering';
      } else if (inRotation(now.server)) stage = 'in';
      else if (stage === 'entering') await say?.listen(now);
    },
    isIn: () => stage === 'in',
    reason: () => words || 'no check has ended yet',
  };
}

/**
 * The answer of an agent-check after it is switched on again. Some never say “up”, others cannot be reached: HAProxy
 * ignores these.
 */
function defineAgentSay(signal: AbortSignal) {
  let first: { readonly agent: AgentCheck; readonly at: number } | undefined;
  let asked = false;
  let silentLooks = 0;
  return {
    async listen(now: ServerLine): Promise<void> {
      const { agent } = now.server;
      first ??= { agent, at: performance.now() };
      asked ||= agent.asking || agent.status !== first.agent.status || agent.words !== first.agent.words;
      const waited = performance.now() - first.at >= agentPatience;
      const silent = agent.health === 0 && !saysDown(agent) && adminStateOf(now.server) === 'ready';
      // The two answers that show an agent-check come from different moments: only a repeated observation counts.
      silentLooks = silent && (waited || (asked && !agent.asking)) ? silentLooks + 1 : 0;
      if (silentLooks >= enoughLooks) await forceAgent(now, 'up', signal);
    },
  };
}

/** `L7STS` is how HAProxy shows “down”, “stopped” and “fail”. */
function saysDown({ status }: AgentCheck): boolean {
  return status === 'L7STS';
}

function hasPassedCheck(server: Server): boolean {
  return isUp(server) && (!server.checked || server.health >= server.top);
}

/** The output of the failing check. While a server counts as up, this may come from a check before the change. */
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
  return before;
}

/** HAProxy 2.2 does not keep its output. */
function quoteAgent({ words }: AgentCheck): string {
  return `“${words.replace(/^via agent : /, '') || 'down'}”`;
}

/** The current line with the same name. */
export function findLine(line: ServerLine, all: readonly ServerLine[]): ServerLine | undefined {
  const key = lineKey(line);
  return all.find((one) => lineKey(one) === key);
}
