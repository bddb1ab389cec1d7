import type { CommandEntry } from '../cli/context.ts';

export const enrollCommand: CommandEntry = {
  name: 'enroll',
  define(program, context) {
    program
      .command('enroll')
      .description('make this host’s key and a request for its certificate, and show the key’s fingerprint')
      .argument('[name]', 'name of the node or operator (default: this host’s name)')
      .option('--operator', 'for a person or a job that calls, not for a node')
      .option(
        '--out <dir>',
        'write here (default: /etc/mco-deploy, for operators mco-deploy in the XDG configuration directory)',
      )
      .option('-j, --json', 'print JSON for machines')
      .action(async (name, options) => (await import('./ca/enroll.ts')).enroll(name, options, context));
  },
};
