import { type ActionContext, type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { explain, Problem } from '../../core/errors.ts';
import { type Check, type ExitCode, judge, states, unknownCheck } from './check.ts';
import { parseCommandLine } from './command-line.ts';
import type { NrpeConfig } from './config.ts';
import { nrpeDdl } from './ddl.ts';
import { cacheDefinitions, type Definitions } from './definitions.ts';

/** Seconds: the DDL lets an action take a little longer. */
const longest = 60;
/** Plugins that run at a time when all are run. */
const atOnce = 4;
/** The order of badness of exit codes: UNKNOWN is less bad than CRITICAL and WARNING. */
const badness: readonly ExitCode[] = [0, 3, 1, 2];

type Run = AgentSetup<NrpeConfig>['run'];

export async function startNrpe({ config, run }: AgentSetup<NrpeConfig>): Promise<Agent> {
  const definitions = cacheDefinitions(config.config);
  const timeoutOf = (defined: Definitions) => Math.min(config.timeout ?? defined.timeout, longest);
  return {
    handlers: defineHandlers(nrpeDdl, {
      async runcommand({ command }, context) {
        const defined = await definitions();
        return runCheck(command, defined, timeoutOf(defined), run, context);
      },
      async runallcommands(_input, context) {
        const defined = await definitions();
        const checks = await runAll(defined, timeoutOf(defined), run, context);
        const exitcode = worstOf(checks);
        return { exitcode, state: states[exitcode], checks };
      },
      async list() {
        const defined = await definitions();
        const commands = [...defined.commands.keys()].sort();
        return { commands, refused: commands.flatMap((name) => refusalOf(name, defined)) };
      },
    }),
  };
}

/** @throws Problem `refused-command` */
function argvOf(name: string, line: string, { prefix }: Definitions): [string, ...string[]] {
  return parseCommandLine(`${prefix} ${line}`.trim(), `the definition of command[${name}]`);
}

async function runCheck(
  name: string,
  defined: Definitions,
  timeout: number,
  run: Run,
  { signal }: ActionContext,
): Promise<Check> {
  const line = defined.commands.get(name);
  if (line === undefined) return unknownCheck(name, `No such command: ${name}`);
  const argv = argvOf(name, line, defined);
  const result = await run(argv, { timeout: timeout * 1000, signal });
  return judge(name, argv[0], result, timeout);
}

/** Runs every check; one that is refused is UNKNOWN, so that it does not hide the others. */
async function runAll(defined: Definitions, timeout: number, run: Run, context: ActionContext): Promise<Check[]> {
  const names = [...defined.commands.keys()].sort();
  const checks: Check[] = [];
  let next = 0;
  const worker = async () => {
    while (next < names.length) {
      const at = next++;
      const name = names[at] as string;
      checks[at] = await runCheck(name, defined, timeout, run, context).catch((problem) => refused(name, problem));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return checks;
}

function refused(name: string, problem: unknown): Check {
  if (problem instanceof Problem && problem.code === 'refused-command') return unknownCheck(name, explain(problem));
  throw problem;
}

function refusalOf(name: string, defined: Definitions): string[] {
  try {
    argvOf(name, defined.commands.get(name) ?? '', defined);
    return [];
  } catch (problem) {
    return [`${name}: ${explain(problem)}`];
  }
}

function worstOf(checks: readonly Check[]): ExitCode {
  const worst = Math.max(0, ...checks.map(({ exitcode }) => badness.indexOf(exitcode)));
  return badness[worst] ?? 3;
}
