import { Option } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';
import type { ReadDdl } from './import.ts';

/** @param readDdl checks a DDL as the daemon does, which the client does not import */
export const agentCommand = (readDdl: ReadDdl, catalogue: readonly Ddl[]): CommandEntry => ({
  name: 'agent',
  define: (program, context) => {
    const agent = program.command('agent').description('write your own agent, in any language');
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
        const { runAgentNew } = await import('./agent.ts');
        context.exit(await runAgentNew(name, options, context));
      });
    agent
      .command('import <file>')
      .description('convert a DDL: NAME.ddl of MCollective (needs Ruby), or NAME.json of Choria')
      .option('--directory <directory>', 'where to put NAME.json and NAME.site.json', '.')
      .action(async (file, options) => {
        const { importDdl } = await import('./import.ts');
        context.exit(await importDdl(file, options, readDdl, context));
      });
    const types = agent
      .command('types [agents...]')
      .description(
        'write TypeScript types of your own agents: of NAME.json, or of what nodes describe (all by default)',
      )
      .option('--out <file>', 'write them to this file');
    addCommonOptions(addTargetOptions(types, catalogue)).action(async (names, options) => {
      const { runAgentTypes } = await import('./types.ts');
      context.exit(await runAgentTypes(names, options, { readDdl, catalogue }, context));
    });
  },
});
