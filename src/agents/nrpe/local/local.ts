import { explain, Problem } from '../../../core/errors.ts';
import type { RunCommand } from '../../../core/ports.ts';
import { nearest } from '../../../core/text.ts';
import type { ArgumentRules } from '../arguments.ts';
import { judge, unknownCheck } from '../check.ts';
import { type Checks, longestCheck } from '../checks.ts';
import type { NrpeConfig } from '../config.ts';
import { parseCommandLine } from './command-line.ts';
import { cacheDefinitions, type Definitions } from './definitions.ts';

/** Checks that plugins on this node make, as nrpe.cfg defines them. */
export function makeLocalChecks(config: NrpeConfig, rules: ArgumentRules, run: RunCommand): Checks {
  const definitions = cacheDefinitions(config.config);
  return {
    list: async () => {
      const defined = await definitions();
      const commands = [...defined.commands.keys()].sort();
      return {
        commands,
        withArguments: new Set(commands.filter((name) => rules.countOf(name) > 0)),
        unusable: [...defined.undefinable.keys()].sort(),
        refused: [...commands.flatMap((name) => refusalOf(name, defined, rules)), ...defined.faults],
      };
    },
    run: async (command, text, { signal }) => {
      const defined = await definitions();
      if (!defined.commands.has(command)) return unknownCheck(command, whyUndefined(command, defined));
      const argv = argvOf(command, defined, rules, text);
      const timeout = Math.min(config.timeout ?? defined.timeout, longestCheck);
      return judge(command, argv[0], await run(argv, { timeout: timeout * 1000, signal }), timeout);
    },
  };
}

/** In NRPE's own words, and why a definition may be missing. */
function whyUndefined(command: string, { commands, faults, undefinable }: Definitions): string {
  const fault = undefinable.get(command);
  if (fault !== undefined) return `The definition of ${command} cannot be used: ${fault}`;
  const near = nearest(command, commands.keys());
  const hints = [...(near === undefined ? [] : [`did you mean “${near}”?`]), ...faults];
  return `No such command: ${command}${hints.length === 0 ? '' : ` (${hints.join('; ')})`}`;
}

/** @throws Problem `refused-command`, `refused-arguments` */
function argvOf(
  name: string,
  { commands, prefix, takesArguments }: Definitions,
  rules: ArgumentRules,
  text: string | undefined,
): [string, ...string[]] {
  const line = commands.get(name) ?? '';
  if (/\$ARG\d+\$/.test(line)) {
    if (!takesArguments) throw argumentsAreOff(name, 'dont_blame_nrpe in nrpe.cfg is not 1');
    if (rules.countOf(name) === 0) throw argumentsAreOff(name, 'node.yaml allows none for it');
  }
  const args = rules.accept(name, text);
  return parseCommandLine(`${prefix} ${line}`.trim(), `the definition of command[${name}]`, args);
}

function argumentsAreOff(name: string, why: string): Problem {
  const what = `the definition of command[${name}]`;
  return new Problem('refused-command', `${what} is refused: it takes arguments of the caller ($ARG1$), and ${why}`);
}

/** The command line, with empty arguments if a caller gives some. @throws Problem `refused-command` */
export function sampleArgv(name: string, defined: Definitions, rules: ArgumentRules): [string, ...string[]] {
  const empty = Array.from({ length: rules.countOf(name) }, () => '');
  return argvOf(name, defined, { ...rules, accept: () => empty }, undefined);
}

function refusalOf(name: string, defined: Definitions, rules: ArgumentRules): string[] {
  try {
    sampleArgv(name, defined, rules);
    return [];
  } catch (problem) {
    return [`${name}: ${explain(problem)}`];
  }
}
