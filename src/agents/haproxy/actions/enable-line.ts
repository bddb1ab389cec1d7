import { forceAgent, lowerHealth } from '../servers/change.ts';
import { lineKey, type ServerLine } from '../servers/line.ts';
import type { AgentCheck, Server } from '../servers/server.ts';
import { adminBits, adminStateOf, inForcedMaintenance, inRotation, isUp } from '../servers/state.ts';
import type { Changes } from './undo.ts';

/** One line on its way into traffic. */
export interface LineEntry {
  readonly line: ServerLine;
  /** Has its checks begin again, out of traffic. */
  readonly begin: () => Promise<void>;
  /** Takes the next step that what HAProxy says now allows, up to a passed check. */
  readonly check: (now: ServerLine) => Promise<void>;
  /** Whether its check has passed, or it needs none. */
  readonly hasPassed: () => boolean;
  /** Lets it in, and waits for its agent-check's say. */
  readonly enter: (now: ServerLine) => Promise<void>;
  readonly isIn: () => boolean;
  /** Why it is not in yet. */
  readonly reason: () => string;
}

/** Milliseconds that an agent-check may take until it counts as one that says nothing: HAProxy asks every 2 s by default. */
const agentPatience = 2500;
/** How many looks in a row must show that an agent-check has spoken and not said “down”. */
const enoughLooks = 4;

/**
 * How a check newer than the change is distinguished from an older one: HAProxy itself sets the health of a server that leaves
 * maintenance to `rise`, the lowest that counts as up. Only a check that passes after that lifts it to the top
 * (rise + fall - 1), and one that fails drops it to 0. Where it is at the top all the same (fall 1, a server that
 * was in drain, `init-state`), “health down” sends it to the bottom, from where it needs `rise` new checks.
 *
 * The agent-check stays off until then: its “ready” would let the server in unchecked. It is switched on again with its
 * say set to “down”, so that the server gets nothing before the agent has spoken.
 * @param agent whether the line's agent-check is to be on in the end
 * @param isRestart whether it began before, in a process that a reload replaced: its check is to pass in the new process
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
      } else if (stage === 'entering' && inRotation(now.server)) stage = 'in';
      else if (stage === 'entering') await say?.listen(now);
    },
    isIn: () => stage === 'in',
    reason: () => words || 'no check has ended yet',
  };
}

/** What an agent-check says once it is switched on again. Some never say “up”, others can’t be reached: HAProxy ignores these. */
function defineAgentSay(signal: AbortSignal) {
  let first: AgentCheck | undefined;
  let since = 0;
  let asked = false;
  let silentLooks = 0;
  return {
    async listen(now: ServerLine): Promise<void> {
      const { agent } = now.server;
      if (first === undefined) {
        first = agent;
        since = performance.now();
      }
      asked ||= agent.asking || agent.status !== first.status || agent.words !== first.words;
      const waited = performance.now() - since >= agentPatience;
      const silent = agent.health === 0 && !saysDown(agent) && adminStateOf(now.server) === 'ready';
      // The two answers that show an agent-check are not of one moment: only what is seen again and again counts.
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

/** The words of what fails. While a server counts as up, its check’s words may be those of a check before the change. */
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

/** HAProxy 2.2 does not keep its words. */
function quoteAgent({ words }: AgentCheck): string {
  return `“${words.replace(/^via agent : /, '') || 'down'}”`;
}

/** The line as it is now, of the same name. */
export function findLine(line: ServerLine, all: readonly ServerLine[]): ServerLine | undefined {
  const key = lineKey(line);
  return all.find((one) => lineKey(one) === key);
}
