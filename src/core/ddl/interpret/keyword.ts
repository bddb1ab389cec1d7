import { Problem } from '../../errors.ts';
import type { Match } from '../../filter/pattern.ts';

/**
 * Reports the fault at a path (a JSON pointer), as ajv would: keyword, params, and the message where ajv has its own.
 */
export type Report = (path: string, keyword: string, params: object, message?: string, schema?: object) => void;

/** Checks a value, and reports its faults. */
export type Check = (value: unknown, path: string, report: Report) => void;

/** State that the parts of one schema share. */
export interface Interpreting {
  /** A schema within the current one. */
  readonly compile: (schema: unknown) => Check;
  /** Linear in time, and bounded over the whole schema. */
  readonly compilePattern: (source: string) => Match;
  /** The schema that contains the keyword. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Makes the check for one keyword from its value. @throws Problem `bad-schema`, `bad-pattern` */
export type Keyword = (expected: unknown, interpreting: Interpreting) => Check;

export function keywordNumber(keyword: string, expected: unknown): number {
  if (typeof expected === 'number' && Number.isFinite(expected)) return expected;
  throw new Problem('bad-schema', `“${keyword}” must be a number`);
}

/** A schema from outside may have anything in its place, even an object that cannot be turned into text. */
export function keywordText(keyword: string, expected: unknown): string {
  if (typeof expected === 'string') return expected;
  throw new Problem('bad-schema', `“${keyword}” must be text`);
}
