import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function statusCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'status',
    define: (program, context) => {
      const command = program
        .command('status')
        .description('what runs where: releases, health and traffic; mixed clusters, incomplete runs')
        .option('--watch', 'look again every two seconds, and print what is new');
      addCommonOptions(addTargetOptions(command)).action(async (options) => {
        const { showStatus } = await import('./run.ts');
        context.exit(await showStatus(options, catalogue, context));
      });
    },
  };
}
