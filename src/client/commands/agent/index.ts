import { Option } from 'commander';
import type { CommandEntry } from '../../cli/context.ts';

export const agentCommand: CommandEntry = {
  name: 'agent',
  define: (program, context) => {
    const agent = program.command('agent').description('write an agent of your own, in any language');
    agent
      .command('new <name>')
      .description('create a working skeleton: NAME (an executable) and NAME.json (its description)')
      .addOption(
        new Option('--language <language>', 'the programming language')
          .choices(['bash', 'python', 'node'])
          .default('python'),
      )
      .option('--directory <directory>', 'where to put the two files', '.')
      .action(async (name, options) => {
        const { runAgentNew } = await import('./run.ts');
        context.exit(await runAgentNew(name, options, context));
      });
  },
};
