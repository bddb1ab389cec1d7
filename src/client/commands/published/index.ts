import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function publishedCommand(catalogue: readonly Ddl[], load: LoadNodeParts): CommandEntry {
  return {
    name: 'published',
    define: (program, context) => {
      const command = program
        .command('published [application]')
        .description('list the artifacts that nodes hold: revision, sum, size, when and by which operator')
        .option('--fleet <file>', 'where the application is declared (default: fleet.yaml, if it is there)');
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (application, options) => {
        const { readDeclaredNodes } = await import('../publish/declared.ts');
        const { listPublished } = await import('./published.ts');
        context.exit(
          await listPublished(application, await readDeclaredNodes(application, options, load), catalogue, context),
        );
      });
    },
  };
}
