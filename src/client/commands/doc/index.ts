import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function docCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'doc',
    define: (program, context) => {
      const command = program
        .command('doc [agent]')
        .description('explain an agent and its actions; without one, list the agents')
        .option('--markdown', 'print Markdown');
      addCommonOptions(addTargetOptions(command)).action(async (agent, options) => {
        const { runDoc } = await import('./doc.ts');
        context.exit(await runDoc(agent, options, catalogue, context));
      });
    },
  };
}
