import { addCommonOptions } from '../../common-options.ts';
import type { CommandEntry } from '../../context.ts';
import { addTargetOptions } from '../../target-options.ts';

export const findCommand: CommandEntry = {
  name: 'find',
  define: (program, context) => {
    const command = program
      .command('find')
      .description('list the nodes that match')
      .option('-v, --verbose', 'with agents, classes and facts');
    addCommonOptions(addTargetOptions(command)).action(async (options) => {
      const { runFind } = await import('./run.ts');
      context.exit(await runFind(options, context));
    });
  },
};
