import { Command, Option } from 'commander';
import type { CliContext, CommandEntry } from './context.ts';

export interface Cli {
  readonly version: string;
  readonly commands: readonly CommandEntry[];
  /** Names and aliases of the agents that are built in. */
  readonly agents?: readonly string[];
}

/** The whole command line as commander knows it. Of every command the words and options are there; its code is loaded when it is run. */
export function defineProgram({ version, commands }: Cli, context: CliContext): Command {
  return fill(new Command('mco-deploy'), version, commands, context);
}

/**
 * As much of it as the words take: defining the options of every command would be most of the time until the first line.
 * @param words the command line without the program's name
 */
export function defineNeeded(words: readonly string[], { version, commands }: Cli, context: CliContext): Command {
  const [first] = words;
  const named = commands.filter(({ name }) => name === first);
  if (named.length > 0) return fill(new Command('mco-deploy'), version, named, context);
  const program = new Command('mco-deploy');
  if (words.length === 1 && (first === '--version' || first === '-V')) return fill(program, version, [], context);
  if (words.length === 1 && (first === '--help' || first === '-h')) program.createCommand = (name) => new Listed(name);
  return fill(program, version, commands, context);
}

/** A command of which no more is asked than its line in the list of them: that it has options, not which. */
class Listed extends Command {
  override createCommand(name?: string): Command {
    return new Listed(name);
  }

  override option(): this {
    return this.addOption(some);
  }

  override requiredOption(): this {
    return this.addOption(some);
  }

  override addOption(option: Option): this {
    (this.options as Option[]).push(option);
    return this;
  }
}

const some = new Option('--some');

/** The headings of the help, and the commands below each. */
const groups: Readonly<Record<string, readonly string[]>> = {
  'Look:': ['ping', 'find', 'inventory', 'facts', 'status', 'runs', 'audit', 'nrpe', 'locks', 'doctor'],
  'Deploy:': ['publish', 'published', 'prune', 'upgrade', 'rollback', 'run', 'orchestrate', 'resume', 'rpc'],
  'Fleet:': ['fleet', 'daemon', 'install', 'uninstall', 'forget', 'agent'],
  'Trust:': ['ca', 'enroll', 'policy', 'verify'],
  'Write:': ['playbook', 'doc', 'explain', 'schema', 'completion'],
};

function groupOf(name: string): string {
  return Object.keys(groups).find((heading) => groups[heading]?.includes(name)) ?? 'Other:';
}

function fill(program: Command, version: string, commands: readonly CommandEntry[], context: CliContext): Command {
  program
    .description('Deploys web applications over many machines in real time')
    .version(version, '-V, --version', 'print version, commit and runtime')
    .helpCommand('help [command]', 'explain a command')
    .showHelpAfterError('(add --help to see what is possible)')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => context.out(text.trimEnd()),
      writeErr: (text) => context.err(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'mco-deploy: ')),
    })
    .exitOverride();
  for (const { name, define } of commands) {
    program.commandsGroup(groupOf(name));
    define(program, context);
  }
  for (const command of everyCommand(program)) command.copyInheritedSettings(command.parent ?? program).exitOverride();
  return program;
}

/** The options of a command and its subcommands, as `-v` and `--verbose`. */
export function optionsOf(program: Command, name: string): ReadonlySet<string> {
  const commands = everyCommand(program).filter((command) => topOf(command, program) === name);
  const flags = commands.flatMap(({ options }) => options.flatMap(({ short, long }) => [short, long]));
  return new Set(flags.filter((flag) => flag !== undefined));
}

function topOf(command: Command, program: Command): string {
  return command.parent === null || command.parent === program ? command.name() : topOf(command.parent, program);
}

/** Has commander print nothing of wrong usage: somebody else does. */
export function silenceErrors(program: Command): void {
  for (const command of [program, ...everyCommand(program)])
    command.configureOutput({ writeErr: () => {}, outputError: () => {} });
}

function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...everyCommand(child)]);
}
