import { RE2JS, RE2JSSyntaxException } from 're2js';
import { Problem } from '../errors.ts';
import { patternCost } from './pattern-cost.ts';

/** Whether a text has the pattern somewhere in it. */
export type Match = (text: string) => boolean;

/** Characters of a text that a regex is tried on; a longer text matches no pattern. */
export const longestText = 4096;

const longestPattern = 256;

/** RE2 is linear in the text for each instruction of its program: with both bounded, so is the time. */
const costliestPattern = 500;
const costliestTogether = 2000;
const costOfAnother = 20;

/**
 * A regex that came from outside, in RE2's syntax (https://github.com/google/re2/wiki/Syntax), unanchored, minding case.
 * `$` is the very end of the text, and there are no back-references.
 * @throws Problem `bad-pattern` when it is malformed, longer than 256 characters or too costly
 */
export function compilePattern(source: string): Match {
  return boundedCompiler()(source);
}

/**
 * A compiler for patterns that are tried together: beyond a cost that all of them share it refuses.
 * @throws Problem from what it returns, as {@link compilePattern}
 */
export function boundedCompiler(allowance = costliestTogether): (source: string) => Match {
  let left = allowance;
  return (source) => {
    if (source === '') throw new Problem('bad-pattern', 'the regex is empty');
    if (source.length > longestPattern) {
      throw new Problem('bad-pattern', `the regex is longer than ${longestPattern} characters`);
    }
    const cost = patternCost(source);
    if (cost > costliestPattern) {
      throw new Problem('bad-pattern', 'the regex is too costly', 'write fewer or smaller repetitions like {1,100}');
    }
    left -= cost + costOfAnother;
    if (left < 0)
      throw new Problem('bad-pattern', 'the regexes are too costly together', 'write fewer or simpler ones');
    return compile(source);
  };
}

function compile(source: string): Match {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(source);
  } catch (cause) {
    const reason = cause instanceof RE2JSSyntaxException ? `: ${cause.error}` : '';
    throw new Problem('bad-pattern', `the regex is malformed${reason}`, 'the syntax is that of RE2', { cause });
  }
  return (text) => text.length <= longestText && regex.test(text);
}
