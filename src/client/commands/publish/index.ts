import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function publishCommand(catalogue: readonly Ddl[], load: LoadNodeParts): CommandEntry {
  return {
    name: 'publish',
    define: (program, context) => {
      const command = program
        .command('publish <application> <revision> <path>')
        .description('deliver a .tar.gz or a directory to all nodes of an application, from node to node')
        .option('--fleet <file>', 'where the application is declared (default: fleet.yaml, if it is there)')
        .option('--sign <file>', 'sign it with this Ed25519 private key (PEM); nodes with “signers” require it')
        .option('--sha256 <sum>', 'refuse a file with another SHA-256 sum (default: the one in PATH.sha256, if any)')
        .option('--valid <time>', 'how long nodes may copy it, such as 30m (default: 1h, longer for a large one)')
        .option('--dry-run', 'ask each node whether it would take it, and send nothing');
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (application, revision, path, options) => {
        const { readDeclaredNodes } = await import('./declared.ts');
        const { runPublish } = await import('./publish.ts');
        context.exit(
          await runPublish(
            { application, revision, path },
            await readDeclaredNodes(application, options, load),
            catalogue,
            context,
          ),
        );
      });
    },
  };
}
