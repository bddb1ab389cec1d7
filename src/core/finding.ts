import { explain, Problem } from './errors.ts';
import { isObject, type JsonObject } from './json.ts';

/** What a check found: one line for a person. */
export interface Finding {
  /** The subject: “certificate”, “haproxy”. */
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'broken';
  readonly what: string;
  /** What to do about it; empty where nothing is. */
  readonly fix: string;
}

export function fine(check: string, what: string): Finding {
  return { check, status: 'ok', what, fix: '' };
}

export function doubtful(check: string, what: string, fix: string): Finding {
  return { check, status: 'warning', what, fix };
}

export function broken(check: string, what: string, fix: string): Finding {
  return { check, status: 'broken', what, fix };
}

/** Runs one check; a Problem that it throws is what is broken. @param fix where the Problem itself has no hint */
export async function runCheck(
  check: string,
  fix: string,
  find: () => Promise<Finding | readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return [await find()].flat();
  } catch (error) {
    if (!(error instanceof Problem)) return [broken(check, explain(error), fix)];
    return [broken(check, error.message, error.hint === '' ? fix : error.hint)];
  }
}

/** A finding as `doctor --json` prints it. */
export function findingToJson({ check, status, what, fix }: Finding): JsonObject {
  return { check, verdict: status, what, fix };
}

/** Reads what `doctor --json` printed on another host or as another user. @returns undefined for anything else */
export function parseFindings(json: string): Finding[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value.filter(isFindingJson).map(fromJson) : undefined;
  } catch {
    return undefined;
  }
}

function isFindingJson(value: unknown): value is Record<'check' | 'verdict' | 'what' | 'fix', string> {
  return isObject(value) && ['check', 'verdict', 'what', 'fix'].every((key) => typeof value[key] === 'string');
}

function fromJson({ check, verdict, what, fix }: Record<'check' | 'verdict' | 'what' | 'fix', string>): Finding {
  return { check, status: verdict as Finding['status'], what, fix };
}
