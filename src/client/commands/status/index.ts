import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function statusCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'status',
    define: (program, context) => {
      const command = program
        .command('status')
        .description('what is out of rotation now, on every load balancer, since when and by whose run');
      addCommonOptions(addTargetOptions(command)).action(async (options) => {
        const { showStatus } = await import('./run.ts');
        context.exit(await showStatus(options, catalogue, context));
      });
    },
  };
}
