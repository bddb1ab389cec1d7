import type { Changes } from '../actions/undo.ts';
import { forceAgent } from '../servers/change.ts';
import { reasonOf } from '../servers/out-reason.ts';
import type { ServerLine } from '../servers/line.ts';
import { adminStateOf, inForcedMaintenance, inRotation } from '../servers/state.ts';
import { awaitAgentAnswer } from './agent-answer.ts';
import { acceptFirstCheck, canBeLowered, hasPassedCheck, isUnchecked, requireNewCheck } from './rule.ts';

/** One line on its way into traffic. */
export interface LineEntry {
  readonly line: ServerLine;
  /** Puts it in drain, where HAProxy checks it, and as down, so that HAProxy sends it nothing. */
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

/** The way of a line, each stage once: `draining → checking → passed → entering → in`. */
type Stage =
  /** It leaves maintenance for drain. */
  | 'draining'
  /** It is in drain: a check that counts has not passed yet. */
  | 'checking'
  /** It waits, in drain (without checks: in maintenance), for the other lines of its host. */
  | 'passed'
  /** It is ready: HAProxy may still wait for its agent-check. */
  | 'entering'
  /** HAProxy sends it requests. */
  | 'in';

/**
 * The way of a line into traffic, by the rule in `rule.ts`.
 *
 * The agent-check stays off until the health check has passed: its “ready” would put the server in unchecked. It is
 * switched on again with its result set to “down”, so that the server gets nothing before the agent has answered.
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
  const isOut = adminStateOf(line.server) !== 'ready';
  const restoresAgent = agent && line.server.agent.configured && (isOut || !line.server.agent.enabled);
  const needsCheck = isOut || isRestart;
  const answer = restoresAgent ? awaitAgentAnswer(signal) : undefined;
  const isLowered = inForcedMaintenance(line.server) && canBeLowered(line.server);
  const waitsInMaintenance = inForcedMaintenance(line.server) && isUnchecked(line.server) && !restoresAgent;
  let stage: Stage = waitsInMaintenance ? 'passed' : needsCheck || restoresAgent ? 'draining' : 'entering';
  let reason = '';
  return {
    line,
    async begin() {
      if (restoresAgent && line.server.agent.enabled) await changes.setAgent(line, false, signal);
      if (isLowered) await changes.check(line, signal);
      else if (inForcedMaintenance(line.server) && !waitsInMaintenance) await changes.set(line, 'drain', signal);
    },
    async check(now) {
      reason = reasonOf(now.server, reason);
      if (stage === 'draining' && !inForcedMaintenance(now.server)) {
        if (isOut && !isLowered) await requireNewCheck(now, signal);
        stage = 'checking';
      } else if (stage === 'checking' && (!needsCheck || hasPassedCheck(now.server))) stage = 'passed';
      else if (stage === 'checking' && isLowered) await acceptFirstCheck(now, signal);
    },
    hasPassed: () => stage !== 'draining' && stage !== 'checking',
    async enter(now) {
      reason = reasonOf(now.server, reason);
      if (stage === 'passed') {
        if (restoresAgent) {
          await changes.setAgent(line, true, signal);
          await forceAgent(now, 'down', signal);
        }
        await changes.enter(line, signal);
        stage = 'entering';
      } else if (inRotation(now.server)) stage = 'in';
      else if (stage === 'entering') await answer?.read(now);
    },
    isIn: () => stage === 'in',
    reason: () =>
      waitsInMaintenance && stage === 'passed' ? 'it waits for the other lines' : reason || 'no check has ended yet',
  };
}
