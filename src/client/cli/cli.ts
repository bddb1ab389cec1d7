import { CommanderError } from 'commander';
import { explain, Problem } from '../../core/errors.ts';
import { type CliContext, exitCode } from './context.ts';
import { type Cli, defineNeeded } from './program.ts';

/**
 * Runs one command line. Whatever goes wrong ends in one line on standard error and an exit code, never in a stack.
 * @param words the command line without the program's name
 */
export async function runCli(words: readonly string[], cli: Cli, context: CliContext): Promise<void> {
  const program = defineNeeded(words, cli, context);
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    context.exit(codeOf(error, context));
  }
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
