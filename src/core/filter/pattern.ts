import type { RE2JS } from 're2js';
import { loadRe2 } from '#re2';
import { Problem } from '../errors.ts';
import { patternCost } from './pattern-cost.ts';

/** Whether a text contains the pattern. */
export type Match = (text: string) => boolean;

/** The maximum length of a text that a regex is tried on; a longer text matches no pattern. */
export const longestText = 4096;

const longestPattern = 256;

/** RE2 is linear in the text for each instruction of its program: with both bounded, so is the time. */
const costliestPattern = 500;
const costliestTogether = 2000;
const costOfAnother = 20;

/**
 * A regex from outside, in RE2's syntax (https://github.com/google/re2/wiki/Syntax), unanchored and case-sensitive. `$`
 * is the very end of the text, and there are no back-references.
 * @throws Problem `bad-pattern` when it is malformed, longer than 256 characters or too costly
 */
export function compilePattern(source: string): Match {
  return boundedCompiler()(source);
}

/** One match of a pattern in a text, with its groups; a group that took no part is undefined. */
export interface Found {
  readonly start: number;
  readonly end: number;
  /** The whole match first. */
  readonly groups: readonly (string | undefined)[];
}

/**
 * The same regex, for all matches, from left to right. `^` and `$` match at the ends of each line.
 * @throws Problem as {@link compilePattern}
 */
export function compileFinder(source: string): (text: string) => Generator<Found> {
  checkCost(source);
  const regex = parse(source, loadRe2().RE2JS.MULTILINE);
  return function* find(text) {
    if (text.length > longestText) return;
    const matcher = regex.matcher(text);
    while (matcher.find()) {
      const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, index) => matcher.group(index) ?? undefined);
      yield { start: matcher.start(), end: matcher.end(), groups };
    }
  };
}

/**
 * A compiler for patterns that are tried together: it refuses more than a shared total cost. Filters ignore case, as
 * their `=` does; policies do not.
 * @throws Problem from what it returns, as {@link compilePattern}
 */
export function boundedCompiler(allowance = costliestTogether, { ignoreCase = false } = {}): (source: string) => Match {
  let left = allowance;
  return (source) => {
    left -= checkCost(source) + costOfAnother;
    if (left < 0)
      throw new Problem('bad-pattern', 'the regexes are too costly together', 'write fewer or simpler ones');
    const regex = parse(source, ignoreCase ? loadRe2().RE2JS.CASE_INSENSITIVE : 0);
    return (text) => text.length <= longestText && regex.test(text);
  };
}

/** @throws Problem `bad-pattern` */
function checkCost(source: string): number {
  if (source === '') throw new Problem('bad-pattern', 'the regex is empty');
  if (source.length > longestPattern) {
    throw new Problem('bad-pattern', `the regex is longer than ${longestPattern} characters`);
  }
  const cost = patternCost(source);
  if (cost > costliestPattern) {
    throw new Problem('bad-pattern', 'the regex is too costly', 'write fewer or smaller repetitions like {1,100}');
  }
  return cost;
}

function parse(source: string, flags = 0): RE2JS {
  const { RE2JS, RE2JSSyntaxException } = loadRe2();
  try {
    return RE2JS.compile(source, flags);
  } catch (cause) {
    const reason = cause instanceof RE2JSSyntaxException ? `: ${cause.error}` : '';
    throw new Problem('bad-pattern', `the regex is malformed${reason}`, 'the syntax is that of RE2', { cause });
  }
}
