/** Asks a person before the first change, with a plan of everything found until then. */
import { Problem } from '../../core/errors.ts';
import type { RunContext } from '../context.ts';
import type { NodeFailure } from '../events/events.ts';
import type { RunTracker } from '../events/tracker.ts';
import type { Playbook } from '../model.ts';
import type { PlaybookPorts } from '../ports.ts';
import { planRun } from './plan/plan.ts';

export interface Agreement {
  /** Asks once; the answer holds for the whole run. @throws Problem `not-agreed` */
  readonly ask: (run: RunContext) => Promise<void>;
  /** The start of the run, by the clock of its ports: the time of the answer, if somebody was asked. */
  readonly startedAt: () => number;
}

export function startAgreement(
  playbook: Playbook,
  { agree, clock, operator }: Pick<PlaybookPorts, 'agree' | 'clock' | 'operator'>,
  tracker: RunTracker,
  onStart: (run: RunContext) => Promise<unknown>,
): Agreement {
  let startedAt = clock();
  let agreement: Promise<void> | undefined;
  const askNow = async (run: RunContext) => {
    const agreed = agree === undefined || (await agree(await planRun(playbook, run, tracker)));
    if (agree !== undefined) startedAt = clock();
    if (!agreed) throw new Problem('not-agreed', `${operator} did not agree`);
    await onStart(run);
  };
  return {
    ask: (run) => {
      agreement ??= askNow(run);
      return agreement;
    },
    startedAt: () => startedAt,
  };
}

export function isDeclined({ reasons }: { readonly reasons: readonly NodeFailure[] }): boolean {
  return reasons.length > 0 && reasons.every(({ code }) => code === 'not-agreed');
}
