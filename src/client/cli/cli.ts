import type { Command } from 'commander';
import { Problem } from '../../core/errors.ts';
import { startClosing } from './io/closing.ts';
import { type CliContext, exitCode, type ProcessContext } from './context.ts';
import { endingOf } from './exit/ending.ts';
import { helpWords } from './help/help-words.ts';
import type { Misuse } from './help/misuse.ts';
import { asJsonLines, wantsJson, wantsJsonLines } from './io/format.ts';
import { type KnownNames, translate } from '../habits/translate.ts';
import { type Cli, defineNeeded, optionsOf, silenceErrors } from './program.ts';

/**
 * Runs one command line. Every failure ends in a line on standard error, then the next command, and an exit code, never
 * in a stack. With --json there is one line, of JSON.
 * @param words the command line without the program's name
 */
export async function runCli(words: readonly string[], cli: Cli, given: ProcessContext): Promise<void> {
  const json = wantsJson(words);
  const { hasEnded, hasLast, ...closing } = startClosing(given);
  const context = changed(given, closing);
  let next = '';
  let misuse: Misuse | undefined;
  let program: Command | undefined;
  let known = words;
  try {
    const { words: translated, answer } = translate(words, knownWords(cli, context));
    known = translated;
    if (answer !== undefined) throw new Problem('usage', answer);
    const quiet = known.includes('--np') ? withoutProgress(context) : context;
    const shown = wantsJsonLines(known) ? withJsonLines(quiet) : quiet;
    program = defineNeeded(known, cli, shown);
    if (json)
      silenceErrors(program, {
        next: (line) => {
          next = line;
        },
        misuse: (found) => {
          misuse = found;
        },
      });
    await program.parseAsync(helpWords(known, program), { from: 'user' });
    // The end of a program shows whether its output was written, so each command has one.
    if (!hasEnded()) context.exit(exitCode.ok);
  } catch (error) {
    const { problem, line, code } = endingOf(error, context);
    if (json && problem !== undefined) {
      const explained = { ...problem, ...misuse };
      context.err(JSON.stringify({ error: { ...explained, hint: explained.hint || next }, exit_code: code }));
    } else if (line !== undefined) {
      context.err(line);
      if (problem !== undefined && !hasLast()) {
        const { nextCommand } = await import('./help/next-command.ts');
        const below = nextCommand(problem, known, program);
        if (below !== undefined) context.err(below);
      }
    }
    if (code === exitCode.internal && context.env.MCO_DEPLOY_DEBUG === '1' && error instanceof Error)
      context.err(error.stack ?? '');
    context.exit(code);
  }
}

/** The same, without passing lines. */
function withoutProgress(context: CliContext): CliContext {
  return changed(context, { status: undefined });
}

/** The same, with each item of JSON on its own line. */
function withJsonLines(context: CliContext): CliContext {
  return changed(context, { out: asJsonLines(context.out) });
}

/** A copy that keeps the getters of the context, and that commands may spread into another. */
function changed(
  context: ProcessContext,
  changes: { readonly [Name in keyof CliContext]?: CliContext[Name] | undefined },
) {
  const members = { ...Object.getOwnPropertyDescriptors(context), ...Object.getOwnPropertyDescriptors(changes) };
  return Object.defineProperties({}, members) as CliContext;
}

function knownWords(cli: Cli, context: CliContext): KnownNames {
  return {
    commands: new Set(['help', ...cli.commands.map(({ name }) => name)]),
    agents: new Set(cli.agents),
    optionsOf: (command) => optionsOf(defineNeeded([command], cli, context), command),
  };
}
