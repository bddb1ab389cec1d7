import { CommanderError } from 'commander';
import { explain, Problem } from '../../core/errors.ts';
import { type CliContext, exitCode } from './context.ts';
import { type KnownWords, translate } from '../habits/translate.ts';
import { type Cli, defineNeeded, optionsOf } from './program.ts';

/**
 * Runs one command line. Whatever goes wrong ends in one line on standard error and an exit code, never in a stack.
 * @param words the command line without the program's name
 */
export async function runCli(words: readonly string[], cli: Cli, context: CliContext): Promise<void> {
  try {
    const { words: known, answer } = translate(words, knownWords(cli, context));
    if (answer !== undefined) throw new Problem('usage', answer);
    const shown = known.includes('--np') ? withoutProgress(context) : context;
    await defineNeeded(known, cli, shown).parseAsync(known, { from: 'user' });
  } catch (error) {
    context.exit(codeOf(error, context));
  }
}

/** The same, getters included, without the passing lines. */
function withoutProgress(context: CliContext): CliContext {
  return Object.create(context, { status: { value: undefined } });
}

function knownWords(cli: Cli, context: CliContext): KnownWords {
  return {
    commands: new Set(['help', ...cli.commands.map(({ name }) => name)]),
    agents: new Set(cli.agents),
    optionsOf: (command) => optionsOf(defineNeeded([command], cli, context), command),
  };
}

/** Tells the error, unless it was told already, and finds its exit code. */
function codeOf(error: unknown, context: CliContext): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  if (context.kill.aborted || (context.signal.aborted && isAbort(error))) {
    context.err('mco-deploy: interrupted');
    return exitCode.interrupted;
  }
  if (error instanceof Problem && error.code !== 'internal') {
    context.err(`mco-deploy: ${explain(error)}`);
    return ['no-nodes-given', 'nothing-found'].includes(error.code) ? exitCode.nothingDiscovered : exitCode.usage;
  }
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  context.err(`mco-deploy: internal error: ${what.split('\n')[0]}: please report it (MCO_DEPLOY_DEBUG=1 shows more)`);
  if (context.env.MCO_DEPLOY_DEBUG === '1' && error instanceof Error) context.err(error.stack ?? '');
  return exitCode.internal;
}

function isAbort(error: unknown): boolean {
  return (
    (error instanceof Error && error.name === 'AbortError') || (error instanceof Problem && error.code === 'cancelled')
  );
}
