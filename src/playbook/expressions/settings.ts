/** Numbers, shares and times of a step, given as values or by an expression. */
import { Problem } from '../../core/errors.ts';
import { parseShare } from '../call/batches.ts';
import { parseDuration } from './duration.ts';
import type { CelContext } from './expression.ts';
import type { BatchSize } from '../source/schema.ts';
import type { SourceLocation } from '../source/locations.ts';
import { isLiteral, type Template, toText } from './template.ts';

/** The form of a kind of setting. */
export interface Form<T> {
  /** Undefined for an invalid value. */
  readonly parse: (value: unknown) => T | undefined;
  readonly expected: string;
}

export type Setting<T> = (context: CelContext) => T;

/**
 * A literal value is checked at once, one from an expression when it is known; null counts as omitted.
 * @param name its name in messages
 * @throws Problem `bad-playbook`; the setting itself throws `bad-setting`
 */
export function compileSetting<T>(
  name: string,
  value: unknown,
  form: Form<T>,
  fallback: T,
  location: SourceLocation,
  template: () => Template,
): Setting<T> {
  if (value === undefined) return () => fallback;
  if (isLiteral(value)) {
    const parsed = form.parse(value);
    return parsed === undefined ? location.fail(form.expected) : () => parsed;
  }
  const evaluate = template();
  return (context) => {
    const result = evaluate(context);
    if (result === null) return fallback;
    const parsed = form.parse(result);
    if (parsed !== undefined) return parsed;
    throw new Problem('bad-setting', `“${name}” gives “${toText(result).slice(0, 40)}”: it ${form.expected}`);
  };
}

/** Milliseconds. */
export const durationForm: Form<number> = {
  parse: (value) => (typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : undefined),
  expected: 'must be seconds, or like 500ms, 10s, 2m, 1h, up to 24h',
};

export function numberForm(most: number): Form<number> {
  return {
    parse: (value) => {
      const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
      return typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= most
        ? number
        : undefined;
    },
    expected: `must be a whole number from 1 to ${most}`,
  };
}

const shareWords = 'must be a number from 1, or a percentage above 0 % and up to 100 %';

export const shareForm: Form<BatchSize> = { parse: toShare, expected: shareWords };

/** One size or a ramp of them; as text, `1,2,50%`. */
export const sizesForm: Form<readonly BatchSize[]> = {
  parse: (value) => {
    const list: readonly unknown[] =
      typeof value === 'string' ? value.split(',').map((size) => size.trim()) : Array.isArray(value) ? value : [value];
    const sizes = list.flatMap((size) => toShare(size) ?? []);
    return sizes.length === list.length && list.length > 0 && list.length <= 64 ? sizes : undefined;
  },
  expected: `${shareWords}, or a ramp of these`,
};

function toShare(value: unknown): BatchSize | undefined {
  const isShare = (typeof value === 'number' || typeof value === 'string') && parseShare(value) !== undefined;
  return isShare ? value : undefined;
}
