import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function pingCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'ping',
    define: (program, context) => {
      const command = program
        .command('ping')
        .description('show which nodes answer, and how fast')
        .option('-v, --verbose', 'also show the relays that each reply passed')
        .option('--graph', 'draw the times as a line of bars');
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (options) => {
        const { runPing } = await import('./ping.ts');
        context.exit(await runPing(options, context));
      });
    },
  };
}
