import { isIPv4, isIPv6 } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { Problem } from '../../errors.ts';
import type { Match } from '../../filter/pattern.ts';
import { isObject } from '../../json.ts';
import { type Keyword, keywordNumber, keywordText } from './keyword.ts';

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isSafeInteger(value),
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  null: (value) => value === null,
  array: Array.isArray,
  object: isObject,
};

const formats: Readonly<Record<string, Match>> = { ipv4: isIPv4, ipv6: isIPv6 };

/** Characters as people count them, not UTF-16 units (JSON Schema validation, 6.3). */
function length(text: string): number {
  return [...text].length;
}

/** Makes a check that looks at numbers only. */
function bound(keyword: string, words: string, fits: (value: number, limit: number) => boolean): Keyword {
  return (expected) => {
    const limit = keywordNumber(keyword, expected);
    return (value, path, report) => {
      if (typeof value === 'number' && !fits(value, limit))
        report(path, keyword, { limit }, `must be ${words} ${limit}`);
    };
  };
}

export const valueKeywords: Readonly<Record<string, Keyword>> = {
  type: (expected) => {
    const names = (Array.isArray(expected) ? (expected as unknown[]) : [expected]).map((one) =>
      keywordText('type', one),
    );
    const tests = names.map((name) => {
      const test = Object.hasOwn(types, name) ? types[name] : undefined;
      if (test === undefined) throw new Problem('bad-schema', `“${name}” is not a type`);
      return test;
    });
    return (value, path, report) => {
      if (!tests.some((test) => test(value))) report(path, 'type', { type: names.join(',') });
    };
  },
  enum: (expected) => {
    if (!Array.isArray(expected)) throw new Problem('bad-schema', '“enum” must be a list');
    const allowedValues = expected as unknown[];
    return (value, path, report) => {
      if (!allowedValues.some((one) => isDeepStrictEqual(one, value))) report(path, 'enum', { allowedValues });
    };
  },
  const: (allowedValue) => (value, path, report) => {
    if (!isDeepStrictEqual(allowedValue, value)) report(path, 'const', { allowedValue });
  },
  minLength: (expected) => {
    const limit = keywordNumber('minLength', expected);
    return (value, path, report) => {
      if (typeof value === 'string' && length(value) < limit)
        report(path, 'minLength', { limit }, `must NOT have fewer than ${limit} characters`);
    };
  },
  maxLength: (expected) => {
    const limit = keywordNumber('maxLength', expected);
    return (value, path, report) => {
      if (typeof value === 'string' && length(value) > limit)
        report(path, 'maxLength', { limit }, `must NOT have more than ${limit} characters`);
    };
  },
  pattern: (expected, { compilePattern }) => {
    const pattern = keywordText('pattern', expected);
    const matches = compilePattern(pattern);
    return (value, path, report) => {
      if (typeof value === 'string' && !matches(value)) report(path, 'pattern', { pattern });
    };
  },
  format: (expected) => {
    const format = keywordText('format', expected);
    const matches = Object.hasOwn(formats, format) ? formats[format] : undefined;
    if (matches === undefined) throw new Problem('bad-schema', `“${format}” is not a known format`);
    return (value, path, report) => {
      if (typeof value === 'string' && !matches(value))
        report(path, 'format', { format }, `must be an address (${format})`);
    };
  },
  minimum: bound('minimum', '>=', (value, limit) => value >= limit),
  maximum: bound('maximum', '<=', (value, limit) => value <= limit),
  exclusiveMinimum: bound('exclusiveMinimum', '>', (value, limit) => value > limit),
  exclusiveMaximum: bound('exclusiveMaximum', '<', (value, limit) => value < limit),
  anyOf: (expected, { compile }) => {
    if (!Array.isArray(expected)) throw new Problem('bad-schema', '“anyOf” must be a list');
    const branches = (expected as unknown[]).map(compile);
    return (value, path, report) => {
      const told: string[] = [];
      const fits = branches.some((branch) => {
        let faults = 0;
        branch(value, path, (_path, _keyword, _params, message) => {
          faults++;
          if (message !== undefined && faults === 1) told.push(message);
        });
        return faults === 0;
      });
      if (!fits) report(path, 'not', {}, told.length === 0 ? 'is not allowed' : told.join(' or '));
    };
  },
};
