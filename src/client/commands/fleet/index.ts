import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';

/** @param load the functions of the whole program for nodes */
export function fleetCommand(catalogue: readonly Ddl[], load: LoadNodeParts): CommandEntry {
  return {
    name: 'fleet',
    define: (program, context) => {
      const fleet = program.command('fleet').description('check or write fleet.yaml');
      fleet
        .command('check [file]')
        .description('check fleet.yaml without asking any host')
        .option('--fleet <file>', 'the file, as for other commands (default: fleet.yaml)')
        .option('--config <file>', "the operator's configuration, for the check that you keep access")
        .option('-j, --json', 'print JSON for machines')
        .action(async (file, options) => {
          const { checkFleetFile } = await import('./check.ts');
          context.exit(await checkFleetFile(file, options, load, context));
        });
      const command = fleet
        .command('import')
        .description('write a fleet.yaml from the running nodes, or from an Ansible inventory')
        .option('--ansible <file>', 'the output of “ansible-inventory --list”, instead of asking nodes')
        .option('--out <file>', 'write it there (default: print it)');
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (options) => {
        const { importFleet } = await import('./import.ts');
        context.exit(await importFleet(options, catalogue, context));
      });
    },
  };
}
