import { Problem } from '../../core/errors.ts';
import { compilePattern, type Match } from '../../core/filter/pattern.ts';
import { count } from '../../core/text.ts';
import type { NrpeConfig } from './config.ts';

/** Which commands accept arguments of a caller, and which arguments. */
export interface ArgumentRules {
  /** The number of a command's arguments; usually 0. */
  readonly countOf: (command: string) => number;
  /**
   * Splits a caller's arguments at `!`.
   * @throws Problem `refused-arguments` unless each of them is allowed
   */
  readonly accept: (command: string, text: string | undefined) => readonly string[];
}

/** @throws Problem `bad-nrpe-configuration` for an invalid pattern */
export function parseArgumentRules(allowed: NrpeConfig['arguments'] = {}): ArgumentRules {
  const rules = new Map(
    Object.entries(allowed).map(([command, patterns]) => [
      command,
      patterns.map((pattern) => ({ pattern, matches: compile(pattern, command) })),
    ]),
  );
  return {
    countOf: (command) => rules.get(command)?.length ?? 0,
    accept: (command, text) => {
      const args = text === undefined ? [] : text.split('!');
      const expected = rules.get(command) ?? [];
      if (args.length !== expected.length) throw wrongCount(command, args.length, expected.length);
      for (const [index, { pattern, matches }] of expected.entries()) {
        if (matches(args[index] as string)) continue;
        throw refused(`argument ${index + 1} of ${command} must match ${pattern}`);
      }
      return args;
    },
  };
}

function compile(pattern: string, command: string): Match {
  try {
    return compilePattern(`^(?:${pattern})$`);
  } catch (cause) {
    if (!(cause instanceof Problem)) throw cause;
    const message = `the arguments of ${command}: ${pattern}: ${cause.message}`;
    throw new Problem('bad-nrpe-configuration', message, cause.hint, { cause });
  }
}

function wrongCount(command: string, text: number, expected: number): Problem {
  if (expected > 0) return refused(`${command} takes ${count(expected, 'argument')}, not ${text}`);
  return refused(
    `${command} does not accept arguments from callers`,
    'allow them in agents.nrpe.arguments in node.yaml',
  );
}

function refused(message: string, hint = ''): Problem {
  return new Problem('refused-arguments', message, hint);
}
