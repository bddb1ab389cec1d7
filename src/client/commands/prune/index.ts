import { InvalidArgumentError } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function pruneCommand(catalogue: readonly Ddl[], load: LoadNodeParts): CommandEntry {
  return {
    name: 'prune',
    define: (program, context) => {
      const command = program
        .command('prune <application>')
        .description('remove published artifacts, except the newest, the serving release and the one before it')
        .option('--fleet <file>', 'where the application is declared (default: fleet.yaml, if it is there)')
        .option('--keep <n>', 'how many of the newest stay on each node', parseKeep, 3)
        .option('--dry-run', 'show what would be removed, and remove nothing');
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (application, options) => {
        const { readDeclaredNodes } = await import('../publish/declared.ts');
        const { prune } = await import('./prune.ts');
        context.exit(await prune(application, await readDeclaredNodes(application, options, load), catalogue, context));
      });
    },
  };
}

function parseKeep(value: string): number {
  if (!/^\d{1,3}$/.test(value)) throw new InvalidArgumentError('it must be a whole number below 1000.');
  return Number(value);
}
