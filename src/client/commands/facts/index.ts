import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function factsCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'facts',
    define: (program, context) => {
      const command = program
        .command('facts <fact>')
        .description(
          'show the values of a fact on the matching nodes, and how often each occurs; nested facts with dots',
        )
        .option('-v, --verbose', 'also show the names of the nodes');
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (fact, options) => {
        const { runFacts } = await import('./facts.ts');
        context.exit(await runFacts(fact, options, context));
      });
    },
  };
}
