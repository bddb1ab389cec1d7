import type { Ddl } from '../../../core/ddl.ts';
import { addCommonOptions } from '../../common-options.ts';
import type { CommandEntry } from '../../context.ts';
import { addDiscoveryOptions, parseSeconds } from '../../target-options.ts';
import { parseWords } from '../../words.ts';

export function runCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'run',
    define: (program, context) => {
      const command = program
        .command('run <playbook> [inputs...]')
        .description('run a playbook: a file, or the name of one that is shipped; inputs as name=value')
        .option('--allow-missing', 'begin although a known node is silent')
        .option('--dry-run', 'ask everyone what would change, and change nothing')
        .option('--lock-wait <seconds>', 'wait so long for another run to end', parseSeconds)
        .option('--no-lock', 'do not keep other runs away')
        .option('-y, --yes', 'do not ask on a terminal');
      addCommonOptions(addDiscoveryOptions(command)).action(async (playbook, words, options) => {
        const { runNamedPlaybook } = await import('./run.ts');
        const inputs = Object.fromEntries(parseWords(words));
        context.exit(await runNamedPlaybook({ playbook, inputs, options }, catalogue, context));
      });
    },
  };
}
