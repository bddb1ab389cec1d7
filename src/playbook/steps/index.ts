import { callStep } from './call.ts';
import { finishStep } from './finish.ts';
import type { StepKind } from './kind.ts';
import { requireStep } from './require.ts';
import { sayStep } from './say.ts';
import { setStep } from './set.ts';

/** Every kind of step. A new one is a file here and a line in this list. */
export const stepKinds: readonly StepKind[] = [callStep, sayStep, setStep, requireStep, finishStep];
