import { Option } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CommandEntry } from '../../cli/context.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { collect } from '../../cli/collect.ts';
import { addRunOptions } from '../../cli/run-options.ts';

export function rollbackCommand(catalogue: readonly Ddl[], load: LoadNodeParts): CommandEntry {
  return {
    name: 'rollback',
    define: (program, context) => {
      const command = program
        .command('rollback [application]')
        .description('return the servers of the last upgrade to the release that each had before')
        .option(
          '--cluster <name>',
          'the cluster (value of the fact “cluster”), instead of an application of fleet.yaml',
        )
        .option('--fleet <file>', 'where the application is declared (default: fleet.yaml)')
        .option('--run <id>', 'the run to undo (default: the last from here that upgraded servers of the cluster)')
        .option('--application <name>', 'the application, if a server has more than one')
        .option(
          '--backend <names>',
          'the HAProxy backends, separated by commas (default: those of the run, or every one that leads to the servers)',
        )
        .option(
          '--batch <size>',
          'servers at a time, such as 2, 25% or 1,2,50% (default: that of fleet.yaml, or as many as can be spared)',
        )
        .addOption(
          new Option(
            '--check <name>',
            'an NRPE check that each server must pass (repeatable; default: those of fleet.yaml or of the run, or check_load)',
          ).argParser(collect),
        )
        .option('--no-check', 'run no check')
        .option('--recipient <url>', 'who to notify, such as mailto:ops@example.net')
        .option('--no-notify', 'notify nobody')
        .option('--min-available <n>', 'how many servers of the backend must stay usable')
        .option('--redo', 'undo a run that was itself a rollback: bring back what it replaced')
        .option('--dry-run', 'show what would change on each node, and change nothing');
      addRunOptions(command).action(async (application, options) => {
        const { readRollbackOptions } = await import('./declared.ts');
        const { rollBack } = await import('./rollback.ts');
        context.exit(await rollBack(await readRollbackOptions(application, options, load), catalogue, context));
      });
    },
  };
}
