import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function statusCommand(catalogue: readonly Ddl[], load: LoadNodeParts): CommandEntry {
  return {
    name: 'status',
    define: (program, context) => {
      const command = program
        .command('status [application]')
        .description('what runs where: releases, health and traffic; mixed clusters, incomplete runs')
        .option('--fleet <file>', 'where the application is declared (default: fleet.yaml)')
        .option('--watch', 'check again every two seconds, and print the status when something has changed');
      addCommonOptions(addTargetOptions(command)).action(async (application, options) => {
        const { readStatusOptions } = await import('./declared.ts');
        const { showStatus } = await import('./status.ts');
        context.exit(await showStatus(await readStatusOptions(application, options, load), catalogue, context));
      });
    },
  };
}
