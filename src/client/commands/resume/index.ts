import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { parseKeyValues } from '../../cli/key-values.ts';
import { addRunOptions } from '../../cli/run-options.ts';
import { takeList } from '../../cli/target-options.ts';

export function resumeCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'resume',
    define: (program, context) => {
      const command = program
        .command('resume <run> [secrets...]')
        .description(
          'resume a run that was killed, interrupted or failed, here or elsewhere; sensitive inputs as name=value',
        )
        .option('--playbook <file>', 'where the playbook of the run is, if not where the run started')
        .option('--force', 'even if another process may still be running it, or its journal is incomplete')
        .option('--superseded', 'even if a later run has changed the same hosts since, which this one may undo');
      // It keeps the nodes that the run began with.
      takeList(addRunOptions(command), false).action(async (run, words, options) => {
        const { resumeRun } = await import('./resume.ts');
        const secrets = Object.fromEntries(parseKeyValues(words));
        context.exit(await resumeRun({ run, secrets, options }, catalogue, context));
      });
    },
  };
}
