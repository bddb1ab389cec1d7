import { Argument } from 'commander';
import type { DoctorNode } from './doctor.ts';
import type { CommandEntry } from '../../cli/context.ts';

export function doctorCommand(doctorNode: DoctorNode): CommandEntry {
  return {
    name: 'doctor',
    define: (program, context) => {
      program
        .command('doctor')
        .description('check everything that a node or an operator needs, and show how to fix what is wrong')
        .addArgument(
          new Argument('[side]', 'which side to check (default: what this host is set up as)').choices([
            'node',
            'client',
          ]),
        )
        .option('--config <file>', 'node.yaml or client.yaml (default: the usual place of each)')
        .option('-j, --json', 'print JSON for machines')
        .action(async (side, options) => {
          const { runDoctor } = await import('./doctor.ts');
          context.exit(await runDoctor(side, options, doctorNode, context));
        });
    },
  };
}
