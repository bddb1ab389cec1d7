import { Problem } from '../../../core/errors.ts';
import type { ArgumentRules } from '../arguments.ts';
import { splitOutput, timedOut, toCheck, toExitCode, unknownCheck } from '../check.ts';
import { type Checks, longestCheck } from '../checks.ts';
import type { NrpeDaemon } from '../config.ts';
import { queryDaemon } from './query.ts';
import { tlsOptions } from './tls.ts';

/**
 * Checks that an NRPE daemon makes. Its files are read once, at the start.
 * @param timeout seconds
 * @throws Problem `bad-nrpe-configuration`, `unreadable-file`
 */
export async function makeRemoteChecks(
  daemon: NrpeDaemon,
  rules: ArgumentRules,
  timeout: number = longestCheck,
): Promise<Checks> {
  const tls = await tlsOptions(daemon);
  const commands = [...new Set(daemon.commands)].sort();
  return {
    list: async () => ({
      commands,
      withArguments: new Set(commands.filter((name) => rules.countOf(name) > 0)),
      unusable: [],
      refused: [],
    }),
    run: async (command, args, { signal }) => {
      if (!commands.includes(command)) return unknownCheck(command, `No such command: ${command}`);
      const line = [command, ...rules.accept(command, args)].join('!');
      const late = AbortSignal.timeout(Math.ceil(timeout * 1000));
      try {
        const { code, text } = await queryDaemon(daemon, tls, line, AbortSignal.any([late, signal]));
        const { output, perfdata } = splitOutput(text);
        return toCheck(command, toExitCode(code), output, perfdata);
      } catch (problem) {
        if (signal.aborted) throw new Problem('cancelled', `the check ${command} was cancelled`);
        if (late.aborted) return timedOut(command, timeout);
        throw problem;
      }
    },
  };
}
