import type { Changes } from '../actions/undo.ts';
import { forceAgent } from '../servers/change.ts';
import { reasonOf } from '../servers/out-reason.ts';
import type { ServerLine } from '../servers/line.ts';
import { adminStateOf, inForcedMaintenance, servesAsConfigured } from '../servers/state.ts';
import { awaitAgentAnswer } from './agent-answer.ts';
import { acceptFirstCheck, canBeLowered, hasPassedCheck } from './rule.ts';

/** One line on its way into traffic. */
export interface LineEntry {
  readonly line: ServerLine;
  /**
   * Puts a line that has health checks of its own in drain, where HAProxy checks it, and as down, so that HAProxy sends it
   * nothing.
   */
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

/** The way of a line, each stage once: `ending → draining → checking → passed → entering → in`. */
type Stage =
  /** It is in maintenance, and a check that began before that has not ended. */
  | 'ending'
  /** It leaves maintenance for drain. */
  | 'draining'
  /** It is in drain: a check that counts has not passed yet. */
  | 'checking'
  /** It waits, in drain (without health checks of its own: in maintenance), for the other lines of its host. */
  | 'passed'
  /** It is ready: HAProxy may still wait for its agent-check. */
  | 'entering'
  /** HAProxy uses it as it is configured. */
  | 'in';

const beforePass: readonly Stage[] = ['ending', 'draining', 'checking'];

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
  const isLowered = isOut && canBeLowered(line.server);
  // Without a health of its own it would be up in drain, and get the requests that persist.
  const waitsInMaintenance = inForcedMaintenance(line.server) && !canBeLowered(line.server);
  // It began before the call, and its result would count in drain. In maintenance it ends, and no other one begins.
  const endsCheck = isLowered && line.server.checking;
  let stage: Stage = 'entering';
  if (waitsInMaintenance) stage = 'passed';
  else if (endsCheck) stage = 'ending';
  else if (needsCheck || restoresAgent) stage = 'draining';
  let reason = '';
  return {
    line,
    async begin() {
      if (restoresAgent && line.server.agent.enabled) await changes.setAgent(line, false, signal);
      if (endsCheck && !inForcedMaintenance(line.server)) await changes.set(line, 'maint', signal);
      if (isLowered && !endsCheck) await changes.check(line, signal);
    },
    async check(now) {
      reason = reasonOf(now.server, reason);
      if (stage === 'ending') {
        if (now.server.checking) return;
        await changes.check(now, signal);
        stage = 'draining';
      } else if (stage === 'draining' && !inForcedMaintenance(now.server)) stage = 'checking';
      else if (stage === 'checking' && (!needsCheck || hasPassedCheck(now.server))) stage = 'passed';
      else if (stage === 'checking' && isLowered) await acceptFirstCheck(now, signal);
    },
    hasPassed: () => !beforePass.includes(stage),
    async enter(now) {
      reason = reasonOf(now.server, reason);
      if (stage === 'passed') {
        if (restoresAgent) {
          await changes.setAgent(line, true, signal);
          await forceAgent(now, 'down', signal);
        }
        await changes.enter(line, signal);
        stage = 'entering';
      } else if (servesAsConfigured(now.server)) stage = 'in';
      else if (stage === 'entering') await answer?.read(now);
    },
    isIn: () => stage === 'in',
    reason: () =>
      waitsInMaintenance && stage === 'passed' ? 'it waits for the other lines' : reason || 'no check has ended yet',
  };
}
