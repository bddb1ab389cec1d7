import { Argument } from 'commander';
import type { DoctorNode } from './run.ts';
import type { CommandEntry } from '../../cli/context.ts';

export function doctorCommand(doctorNode: DoctorNode): CommandEntry {
  return {
    name: 'doctor',
    define: (program, context) => {
      program
        .command('doctor')
        .description('look whether all that a node or an operator needs is there, and say how to mend what is not')
        .addArgument(
          new Argument('[side]', 'which of the two to examine (default: what this host is set up as)').choices([
            'node',
            'client',
          ]),
        )
        .option('--config <file>', 'node.yaml or client.yaml (default: where each is looked for)')
        .option('-j, --json', 'print JSON for machines')
        .action(async (side, options) => {
          const { runDoctor } = await import('./run.ts');
          context.exit(await runDoctor(side, options, doctorNode, context));
        });
    },
  };
}
