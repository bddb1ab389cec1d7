import type { CommandEntry } from '../../cli/context.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';

/** @param load what only the whole program knows of nodes */
export function fleetCommand(load: LoadNodeParts): CommandEntry {
  return {
    name: 'fleet',
    define: (program, context) => {
      const fleet = program.command('fleet').description('work on the declared fleet, fleet.yaml');
      fleet
        .command('check [file]')
        .description('check fleet.yaml without asking any host')
        .option('--config <file>', "the operator's configuration, for the check that you keep access")
        .option('-j, --json', 'print JSON for machines')
        .action(async (file, options) => {
          const { checkFleetFile } = await import('./check.ts');
          context.exit(await checkFleetFile(file, options, load, context));
        });
    },
  };
}
