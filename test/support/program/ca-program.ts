/** A program with the `ca` and `enroll` commands alone, so that they can be run as a process of their own. */
import { Command } from 'commander';
import { caCommand } from '../../../src/client/commands/ca/index.ts';
import { enrollCommand } from '../../../src/client/commands/enroll.ts';
import { startContext } from '../../../src/client/cli/process.ts';
import { explain, Problem } from '../../../src/core/errors.ts';

const context = startContext();
const program = new Command('mco-deploy');
caCommand([]).define(program, context);
enrollCommand.define(program, context);
try {
  await program.parseAsync();
  if (process.exitCode === undefined) context.exit(0);
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`${error.code}: ${explain(error)}\n`);
  context.exit(64);
}
