import type { Command } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CliContext, CommandEntry } from '../../cli/context.ts';

/**
 * `mco-deploy complete WORD…`: the shells' scripts call it while somebody types. Hidden from help.
 * @param whole the whole command line, which is completed
 */
export function completeCommand(catalogue: readonly Ddl[], whole: (context: CliContext) => Command): CommandEntry {
  return {
    name: 'complete',
    define: (program, context) => {
      // The words after “complete” are another command line, options included.
      program
        .enablePositionalOptions()
        .command('complete [words...]', { hidden: true })
        .description('print completions for the last word; nothing is sent over the network')
        .passThroughOptions()
        .allowUnknownOption()
        .helpOption(false)
        .action(async (words: string[]) => {
          const { printCandidates } = await import('./complete.ts');
          context.exit(await printCandidates(words, whole(context), catalogue, context));
        });
    },
  };
}
