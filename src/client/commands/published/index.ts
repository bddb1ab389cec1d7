import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function publishedCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'published',
    define: (program, context) => {
      const command = program
        .command('published [application]')
        .description('list the artifacts that nodes hold: revision, sum, size, when and by which operator');
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (application, options) => {
        const { listPublished } = await import('./run.ts');
        context.exit(await listPublished(application, options, catalogue, context));
      });
    },
  };
}
