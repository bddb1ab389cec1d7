import { type ActionContext, type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { mapLimited } from '../../core/waiting/concurrency.ts';
import { checkStates } from '../../core/check-state.ts';
import { explain, Problem } from '../../core/errors.ts';
import { parseArgumentRules } from './arguments.ts';
import { type Check, type ExitCode, unknownCheck } from './check.ts';
import type { Checks } from './checks.ts';
import type { NrpeConfig } from './config.ts';
import { nrpeDdl } from './ddl.ts';
import { makeLocalChecks } from './local/local.ts';
import { makeRemoteChecks } from './remote/remote.ts';

/** Concurrent checks when all are made. */
const atOnce = 4;
/** The order of badness of exit codes: UNKNOWN is less bad than CRITICAL and WARNING. */
const badness: readonly ExitCode[] = [0, 3, 1, 2];

/** @throws Problem `bad-nrpe-configuration`, `unreadable-file` */
export async function startNrpe({ config, run }: AgentSetup<NrpeConfig>): Promise<Agent> {
  const rules = parseArgumentRules(config.arguments);
  const { daemon, timeout } = config;
  const checks =
    daemon === undefined ? makeLocalChecks(config, rules, run) : await makeRemoteChecks(daemon, rules, timeout);
  return {
    handlers: defineHandlers(nrpeDdl, {
      runcommand: async ({ command, args }, context) => checks.run(command, args, context),
      runallcommands: async (_input, context) => {
        const made = await runAll(checks, context);
        const exitcode = worstOf(made);
        return { exitcode, state: checkStates[exitcode], checks: made };
      },
      list: async () => {
        const { commands, refused } = await checks.list();
        return { commands: [...commands], refused: [...refused] };
      },
    }),
  };
}

/**
 * Makes every check that needs no argument; one that is refused, or whose definition cannot be used, is UNKNOWN, so that
 * it neither hides the others nor is missing among them.
 */
async function runAll({ list, run }: Checks, context: ActionContext): Promise<Check[]> {
  const { commands, withArguments, unusable } = await list();
  const names = [...commands.filter((name) => !withArguments.has(name)), ...unusable];
  return mapLimited(names, atOnce, (name) => run(name, undefined, context).catch((problem) => refused(name, problem)));
}

function refused(name: string, problem: unknown): Check {
  if (problem instanceof Problem && problem.code === 'refused-command') return unknownCheck(name, explain(problem));
  throw problem;
}

/** Where no check was made, nothing is known of the node. */
function worstOf(checks: readonly Check[]): ExitCode {
  if (checks.length === 0) return 3;
  const worst = Math.max(...checks.map(({ exitcode }) => badness.indexOf(exitcode)));
  return badness[worst] ?? 3;
}
