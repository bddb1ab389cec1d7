import type { Command } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CliContext, CommandEntry } from '../../cli/context.ts';

/**
 * `mco-deploy complete WORD…`: what the scripts of the shells ask while somebody types. Hidden from help.
 * @param whole gives the whole command line, which is what completes
 */
export function completeCommand(catalogue: readonly Ddl[], whole: (context: CliContext) => Command): CommandEntry {
  return {
    name: 'complete',
    define: (program, context) => {
      // What follows “complete” is another command line, options and all.
      program
        .enablePositionalOptions()
        .command('complete [words...]', { hidden: true })
        .description('print completions for the last word; nothing is sent over the network')
        .passThroughOptions()
        .allowUnknownOption()
        .helpOption(false)
        .action(async (words: string[]) => {
          const { printCandidates } = await import('./run.ts');
          context.exit(await printCandidates(words, whole(context), catalogue, context));
        });
    },
  };
}
