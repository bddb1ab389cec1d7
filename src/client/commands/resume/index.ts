import type { Ddl } from '../../../core/ddl.ts';
import { addCommonOptions } from '../../common-options.ts';
import type { CommandEntry } from '../../context.ts';
import { addDiscoveryOptions, parseSeconds } from '../../target-options.ts';
import { parseWords } from '../../words.ts';

export function resumeCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'resume',
    define: (program, context) => {
      const command = program
        .command('resume <run> [secrets...]')
        .description('go on with a run that was cut off, interrupted or failed; sensitive inputs as name=value')
        .option('--allow-missing', 'go on although a node of the run is silent')
        .option('--force', 'although it can’t be told whether another process still runs it')
        .option('--lock-wait <seconds>', 'wait so long for another run to end', parseSeconds)
        .option('--no-lock', 'do not keep other runs away')
        .option('-y, --yes', 'do not ask on a terminal');
      addCommonOptions(addDiscoveryOptions(command)).action(async (run, words, options) => {
        const { resumeRun } = await import('./run.ts');
        const secrets = Object.fromEntries(parseWords(words));
        context.exit(await resumeRun({ run, secrets, options }, catalogue, context));
      });
    },
  };
}
