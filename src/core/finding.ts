import { explain, Problem } from './errors.ts';

/** What an examination found: one line for a person. */
export interface Finding {
  /** What was looked at: “certificate”, “haproxy”. */
  readonly check: string;
  readonly verdict: 'ok' | 'warning' | 'broken';
  readonly what: string;
  /** What to do about it; empty where nothing is. */
  readonly mend: string;
}

export function fine(check: string, what: string): Finding {
  return { check, verdict: 'ok', what, mend: '' };
}

export function doubtful(check: string, what: string, mend: string): Finding {
  return { check, verdict: 'warning', what, mend };
}

export function broken(check: string, what: string, mend: string): Finding {
  return { check, verdict: 'broken', what, mend };
}

/** One examination; a Problem that it throws is what is broken. @param mend where the Problem itself has no hint */
export async function runCheck(
  check: string,
  mend: string,
  look: () => Promise<Finding | readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return [await look()].flat();
  } catch (error) {
    if (!(error instanceof Problem)) return [broken(check, explain(error), mend)];
    return [broken(check, error.message, error.hint === '' ? mend : error.hint)];
  }
}
