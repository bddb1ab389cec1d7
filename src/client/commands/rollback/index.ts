import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CommandEntry } from '../../cli/context.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { addRunOptions } from '../../cli/run-options.ts';

export function rollbackCommand(catalogue: readonly Ddl[], load: LoadNodeParts): CommandEntry {
  return {
    name: 'rollback',
    define: (program, context) => {
      const command = program
        .command('rollback [application]')
        .description('return the servers of the last upgrade to the release that each had before')
        .option('--cluster <name>', 'the cluster, instead of an application of fleet.yaml: value of the fact “cluster”')
        .option('--fleet <file>', 'where the application is declared (default: fleet.yaml)')
        .option('--run <id>', 'the run to undo (default: the last from here that upgraded servers of the cluster)')
        .option('--backend <name>', 'the HAProxy backend (default: the one that holds all the servers)')
        .option('--batch <size>', 'servers at a time, such as 2, 25% or 1,2,50% (default: all of them)')
        .option('--recipient <url>', 'who to notify, such as mailto:ops@example.net')
        .option('--no-notify', 'notify nobody')
        .option('--min-available <n>', 'how many servers of the backend must stay usable')
        .option('--redo', 'undo a run that was itself a rollback: bring back what it replaced')
        .option('--dry-run', 'show what would change on each node, and change nothing');
      addRunOptions(command).action(async (application, options) => {
        const { readRollbackOptions } = await import('./declared.ts');
        const { rollBack } = await import('./run.ts');
        context.exit(await rollBack(await readRollbackOptions(application, options, load), catalogue, context));
      });
    },
  };
}
