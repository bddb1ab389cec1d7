import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addRunOptions } from '../../cli/run-options.ts';
import { parseKeyValues } from '../../cli/key-values.ts';
import { isScript, parseAssignments } from '../../scripts/names.ts';

export function runCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'run',
    define: (program, context) => {
      const command = program
        .command('run <playbook> [inputs...]')
        .description(
          'run a playbook or a script (.mc): a file, or the name of one that is shipped; inputs as name=value',
        )
        .option('--dry-run', 'show what would change on each node, and change nothing');
      addRunOptions(command).action(async (playbook, words, options) => {
        const { runNamedPlaybook } = await import('./run.ts');
        if (isScript(playbook)) {
          const { runScript } = await import('../../scripts/run-script.ts');
          const request = { script: playbook, inputs: parseAssignments(words), options, command: `run ${playbook}` };
          context.exit(await runScript(request, catalogue, context));
          return;
        }
        const inputs = Object.fromEntries(parseKeyValues(words));
        context.exit(await runNamedPlaybook({ playbook, inputs, options }, catalogue, context));
      });
    },
  };
}
