import { callStep } from './call.ts';
import { confirmStep } from './confirm.ts';
import { finishStep } from './finish.ts';
import { forEachStep } from './for_each.ts';
import type { StepKind } from './kind.ts';
import { pauseStep } from './pause.ts';
import { requireStep } from './require.ts';
import { rollingStep } from './rolling.ts';
import { sayStep } from './say.ts';
import { setStep } from './set.ts';
import { useStep } from './use.ts';
import { waitForStep } from './wait_for.ts';

/** All kinds of step. A new one is a file here and a line in this list. */
export const stepKinds: readonly StepKind[] = [
  callStep,
  rollingStep,
  forEachStep,
  useStep,
  sayStep,
  setStep,
  requireStep,
  confirmStep,
  pauseStep,
  waitForStep,
  finishStep,
];
