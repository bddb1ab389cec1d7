import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function findCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'find',
    define: (program, context) => {
      const command = program
        .command('find')
        .description('list the nodes that match')
        .option('-v, --verbose', 'also show agents, classes and facts');
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (options) => {
        const { runFind } = await import('./find.ts');
        context.exit(await runFind(options, context));
      });
    },
  };
}
