import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function nrpeCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'nrpe',
    define: (program, context) => {
      const command = program
        .command('nrpe <check> [arguments...]')
        .description('run a check on the matching nodes, worst first; the exit code is that of the worst state')
        .option('-v, --verbose', 'also show the nodes that are OK, and performance data');
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (check, args, options) => {
        const { runNrpe } = await import('./nrpe.ts');
        context.exit(await runNrpe(check, args, options, catalogue, context));
      });
    },
  };
}
