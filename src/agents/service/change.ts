import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionContext } from '../../core/agent.ts';
import { explain, Problem } from '../../core/errors.ts';
import type { ServiceConfig, UnitAction } from './config.ts';
import type { Systemd, UnitState } from './unit.ts';

/** Milliseconds between two looks at a unit that is on its way. */
const interval = 100;

export interface Changed {
  readonly unit: UnitState;
  readonly changed: boolean;
}

type Judge = (unit: UnitState) => boolean;

interface Goal {
  readonly isReached: Judge;
  /** Whether a unit is there already. */
  readonly isDone: Judge;
  /** Whether a unit cannot come there any more; left out where only the time decides. */
  readonly isMissed?: Judge;
}

/** What each action leads to. systemctl ends after a start: what is down by then does not come up later. */
const goals: Readonly<Record<UnitAction, Goal>> = {
  start: { isReached: isStarted, isDone: isActive, isMissed: isDown },
  stop: { isReached: isDown, isDone: isDown },
  restart: { isReached: isStarted, isDone: () => false, isMissed: isDown },
  reload: { isReached: isActive, isDone: () => false },
  enable: { isReached: isEnabled, isDone: isEnabled },
  disable: { isReached: (unit) => !isEnabled(unit), isDone: (unit) => !isEnabled(unit) },
};

/**
 * Does what is asked of a unit and waits until it really is where it should be. A unit that comes up must stay up for
 * `settle` seconds in one and the same start: a service that falls over at once is a failure, with the end of its journal.
 * @throws Problem `service-failed`, `unknown-unit`, `systemd-unreachable`, `cancelled`
 */
export async function changeUnit(
  action: UnitAction,
  name: string,
  systemd: Systemd,
  config: ServiceConfig,
  { dryRun, signal, progress }: Pick<ActionContext, 'dryRun' | 'signal' | 'progress'>,
): Promise<Changed> {
  const goal = goals[action];
  const before = await systemd.show(name, signal);
  if (action === 'reload' && !isActive(before)) {
    throw new Problem('service-failed', `${name} is ${before.state}: it can't be reloaded`, `start it first`);
  }
  if (goal.isDone(before)) return { unit: before, changed: false };
  if (action === 'enable') refuseWithoutBoot(before);
  if (dryRun) return { unit: before, changed: true };
  progress(`${action} ${name}`);
  try {
    await systemd.change(action, name, signal);
    const unit = await untilReached(goal, { name, systemd, config, signal, progress });
    return { unit, changed: true };
  } catch (error) {
    if (signal.aborted) throw new Problem('cancelled', `${action} of ${name} was cancelled`, '', { cause: error });
    throw await withJournal(error, name, systemd);
  }
}

/** A change that systemd was asked for. */
interface Change extends Pick<ActionContext, 'signal' | 'progress'> {
  readonly name: string;
  readonly systemd: Systemd;
  readonly config: ServiceConfig;
}

async function untilReached({ isReached, isMissed }: Goal, change: Change): Promise<UnitState> {
  const { name, systemd, signal, progress } = change;
  const { wait, settle } = change.config;
  const deadline = performance.now() + wait * 1000;
  let reached: { at: number; invocation: string } | undefined;
  let before = '';
  for (;;) {
    const unit = await systemd.show(name, signal);
    const at = performance.now();
    const shown = `${unit.state} (${unit.detail})`;
    if (shown !== before) progress(`${name} is ${shown}`);
    before = shown;
    if (!isReached(unit)) {
      if (reached !== undefined || isFailed(unit)) throw crashedProblem(unit);
      if (isMissed?.(unit)) throw notStartedProblem(unit);
      if (at >= deadline) throw new Problem('service-failed', `${name} is still ${shown} after ${wait} s`);
    } else {
      if (reached !== undefined && reached.invocation !== unit.invocation) throw crashedProblem(unit);
      reached ??= { at, invocation: unit.invocation };
      if (at - reached.at >= settle * 1000) return unit;
    }
    await sleep(interval, undefined, { signal });
  }
}

/** What has no section [Install], or is masked, cannot be enabled: systemctl only warns of the first. */
function refuseWithoutBoot({ unit, enabled }: UnitState): void {
  if (/^masked/.test(enabled)) {
    throw new Problem(
      'service-failed',
      `${unit} is masked: it can't be enabled`,
      `run “systemctl unmask ${unit}” first`,
    );
  }
  if (!['static', 'generated', 'transient'].includes(enabled)) return;
  const hint = 'another unit starts it; to start it at boot itself, give its file a section [Install]';
  throw new Problem('service-failed', `${unit} is ${enabled}: it can't be enabled`, hint);
}

function notStartedProblem({ unit, state, detail, conditionsHold }: UnitState): Problem {
  const hint = `see “systemctl status ${unit}”`;
  const condition = 'a condition of its file does not hold';
  if (!conditionsHold) return new Problem('service-failed', `systemd did not start ${unit}: ${condition}`, hint);
  const message = `${unit} is ${state} (${detail}) right after its start: its program ended, or ${condition}`;
  return new Problem('service-failed', message, hint);
}

function crashedProblem({ unit, state, detail, result }: UnitState): Problem {
  const why = result === '' || result === 'success' ? '' : `, ${result}`;
  return new Problem('service-failed', `${unit} did not stay up: it is ${state} (${detail}${why})`);
}

async function withJournal(error: unknown, name: string, systemd: Systemd): Promise<unknown> {
  if (!(error instanceof Problem) || error.code !== 'service-failed') return error;
  // The call may be at its deadline: the journal has its own time.
  const lines = await systemd.journal(name, AbortSignal.timeout(5000)).catch((cause: unknown) => explain(cause));
  if (lines === '') return error;
  return new Problem(error.code, `${error.message}\nIts journal ends:\n${lines}`, error.hint, { cause: error });
}

function isActive({ state }: UnitState): boolean {
  return state === 'active';
}

/** A program of the type oneshot is not active once it has done its work: systemctl ends after that. */
function isStarted(unit: UnitState): boolean {
  const isFinished = unit.type === 'oneshot' && unit.state === 'inactive' && unit.result === 'success';
  return isActive(unit) || (isFinished && unit.conditionsHold);
}

function isDown({ state }: UnitState): boolean {
  return state === 'inactive' || state === 'failed';
}

function isFailed({ state }: UnitState): boolean {
  return state === 'failed';
}

function isEnabled({ enabled }: UnitState): boolean {
  return enabled === 'enabled' || enabled === 'enabled-runtime';
}
