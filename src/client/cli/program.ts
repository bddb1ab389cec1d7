import { Command, Help, Option } from 'commander';
import type { CliContext, CommandEntry } from './context.ts';
import { examplesOf } from './help/examples.ts';
import { groupOf, placeOf } from './help/groups.ts';
import { pathOf } from './help/command-path.ts';
import { type Misuse, misuseOf, otherDash } from './help/misuse.ts';
import { addOutputOptions, everywhere, readOutput } from './io/format.ts';

export interface Cli {
  readonly version: string;
  readonly commands: readonly CommandEntry[];
  /** Names and aliases of the built-in agents. */
  readonly agents?: readonly string[];
}

/**
 * The whole command line for commander. The words and options of every command are defined; its code is loaded when it
 * runs.
 */
export function defineProgram({ version, commands }: Cli, context: CliContext): Command {
  return fill(new Command('mco-deploy'), version, commands, context);
}

/**
 * Only the part that the words need: defining the options of every command would take most of the time until the first
 * line.
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

/** A command for the list of commands: its line shows only whether it has options. */
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

function fill(program: Command, version: string, commands: readonly CommandEntry[], context: CliContext): Command {
  program
    .description('Deploys web applications over many machines in real time')
    .version(version, '-V, --version', 'print version, commit and runtime')
    .addHelpCommand(helpCommand().helpGroup(groupOf('help')))
    .hook('preAction', (_, command) => {
      refuseOtherDashes(command);
      refuseEmpty(command);
      readOutput(command);
    })
    .helpOption('-h, --help', 'show this help')
    // Narrow columns are wrapped, too: a terminal would break them in the middle of a word.
    .configureHelp({ minWidthToWrap: 16, groupItems: commonLast })
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => context.out(text.trimEnd()),
      writeErr: (text) => context.err(text.trimEnd()),
      ...(context.columns === undefined ? {} : { getOutHelpWidth: () => context.columns ?? 80 }),
    })
    .exitOverride();
  for (const { name, define } of commands.toSorted((a, b) => placeOf(a.name) - placeOf(b.name))) {
    program.commandsGroup(groupOf(name));
    define(program, context);
  }
  for (const command of everyCommand(program)) {
    command.copyInheritedSettings(command.parent ?? program).exitOverride();
    addOutputOptions(command);
    refuseOptionsAsValues(command);
    if (command.commands.length > 0) command.addHelpCommand(helpCommand());
  }
  for (const command of [program, ...everyCommand(program)]) {
    const path = pathOf(command);
    const help = ['mco-deploy', path, '--help'].filter((word) => word !== '').join(' ');
    command
      .configureOutput({
        outputError: (text, write) => {
          const { message, hint } = misuseOf(text, command);
          write(`mco-deploy: ${hint === '' ? message : `${message}: ${hint}`}`);
        },
      })
      .addHelpText('after', () => formatExamples(examplesOf(path)))
      .showHelpAfterError(`${command.commands.length > 0 ? 'to list the commands' : 'to list its options'}: ${help}`);
  }
  return program;
}

/** `--fingerprint $PRINT --out FILE` without a PRINT: the name of the next option would be the value. */
function refuseOptionsAsValues(command: Command): void {
  const names = new Set(command.options.map(({ long }) => long));
  for (const option of command.options) {
    if (!option.required) continue;
    command.on(`option:${option.name()}`, (value: unknown) => {
      if (typeof value === 'string' && names.has(value.replace(/=.*/s, ''))) refuseWithout(option, command);
    });
  }
}

function refuseWithout({ flags }: Option, command: Command): never {
  return command.error(`error: option '${flags}' argument missing`, { code: 'commander.optionMissingArgument' });
}

/** `uninstall web1 –dry-run` would uninstall. What a person is typing is completed, whatever it begins with. */
function refuseOtherDashes(command: Command): void {
  const found = command.name() === 'complete' ? undefined : otherDash(command.args);
  if (found !== undefined) command.error(`error: ${found.message}`, { code: 'commander.invalidArgument' });
}

/** `upgrade "$APP" 2`, `--config "$FILE"` with a variable that is not set: an empty path is the current directory. */
function refuseEmpty(command: Command): void {
  for (const option of command.options) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value === '' || (Array.isArray(value) && value.includes(''))) refuseWithout(option, command);
  }
  const empty = command.registeredArguments.find(({ variadic }, at) => !variadic && command.args[at] === '');
  if (empty !== undefined)
    command.error(`error: the argument <${empty.name()}> is empty`, { code: 'commander.invalidArgument' });
}

/** Options that every command has come after its own. */
const commonLast: Help['groupItems'] = (all, visible, headingOf) => {
  const groups = Help.prototype.groupItems(all, visible, headingOf);
  const common = groups.get(everywhere);
  if (common !== undefined) {
    groups.delete(everywhere);
    groups.set(everywhere, common);
  }
  return groups;
};

function helpCommand(): Command {
  return new Command('help').argument('[command]').description('explain a command');
}

function formatExamples(examples: readonly string[]): string {
  return examples.length === 0 ? '' : ['\nExamples:', ...examples.map((one) => `  mco-deploy ${one}`)].join('\n');
}

/** The options of a command and its subcommands, as `-v` and `--verbose`, and whether each needs a value. */
export function optionsOf(program: Command, name: string): ReadonlyMap<string, boolean> {
  const commands = everyCommand(program).filter((command) => topOf(command, program) === name);
  const flags = commands.flatMap(({ options }) =>
    options.flatMap(({ short, long, required }) => [short, long].map((flag) => [flag ?? '', required] as const)),
  );
  return new Map(flags.filter(([flag]) => flag !== ''));
}

function topOf(command: Command, program: Command): string {
  return command.parent === null || command.parent === program ? command.name() : topOf(command.parent, program);
}

/** What commander would print of a wrong command line. */
interface UsageListener {
  /** Gets the line with the next command. */
  readonly next: (line: string) => void;
  readonly misuse: (found: Misuse) => void;
}

/** Keeps commander from printing wrong usage, which the caller does. */
export function silenceErrors(program: Command, { next, misuse }: UsageListener): void {
  for (const command of [program, ...everyCommand(program)])
    command.configureOutput({
      writeErr: (text) => next(text.trimEnd()),
      outputError: (text) => misuse(misuseOf(text, command)),
    });
}

export function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...everyCommand(child)]);
}
