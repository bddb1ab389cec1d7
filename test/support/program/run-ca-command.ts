import { Command } from 'commander';
import type { CliContext, ProcessContext } from '../../../src/client/cli/context.ts';
import { caCommand } from '../../../src/client/commands/ca/index.ts';
import { enrollCommand } from '../../../src/client/commands/enroll.ts';
import { explain, Problem } from '../../../src/core/errors.ts';

/** Runs one of the `ca` and `enroll` commands. An error is printed with its code before it. */
export async function runCaCommand(words: readonly string[], given: ProcessContext): Promise<void> {
  let hasExited = false;
  const exit = (code: number) => {
    hasExited = true;
    given.exit(code);
  };
  const context = Object.create(given, { exit: { value: exit }, last: { value: given.err } }) as CliContext;
  const program = new Command('mco-deploy');
  caCommand([]).define(program, context);
  enrollCommand.define(program, context);
  try {
    await program.parseAsync(words, { from: 'user' });
    if (!hasExited) exit(0);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    given.err(`${error.code}: ${explain(error)}`);
    exit(64);
  }
}
