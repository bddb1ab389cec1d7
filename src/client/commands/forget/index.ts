import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';

export const forgetCommand: CommandEntry = {
  name: 'forget',
  define: (program, context) => {
    const command = program
      .command('forget <node>')
      .description('no longer expect a node that was retired, until it is seen again')
      .option('--force', 'also forget a node that only other nodes report');
    addCommonOptions(command).action(async (node, options) => {
      const { runForget } = await import('./forget.ts');
      context.exit(await runForget(node, options, context));
    });
  },
};
