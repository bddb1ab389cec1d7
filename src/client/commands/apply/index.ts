import { InvalidArgumentError } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { parseSeconds } from '../../cli/target-options.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { addSshOptions } from '../install/options.ts';

/**
 * @param load the functions of the whole program for nodes
 * @param own the file that is running
 * @param configDdl the description of the agent that changes nodes
 */
export function applyCommand(load: LoadNodeParts, own: string, configDdl: Ddl): CommandEntry {
  return {
    name: 'apply',
    define: (program, context) => {
      const command = program
        .command('apply [file]')
        .description('make the hosts what fleet.yaml says: show the difference, ask, then change them')
        .option('--fleet <file>', 'the file, as for other commands (default: fleet.yaml)')
        .option('--host <name...>', 'only these hosts')
        .option('--batch <size>', 'hosts at a time after the first one, such as 10 or 50% (default: 5, or 25% of many)')
        .option('--replace', 'also replace what others changed, and take hosts over from another fleet')
        .option('--force', 'apply policies that lock you out')
        .option('--ssh', 'change hosts that are nodes over ssh, too: what is never written over the fabric')
        .option('-y, --yes', 'do not ask on a terminal');
      addCommonOptions(addSshOptions(command, parseParallel))
        .option('--binary <file>', 'the program to install (default: this one)')
        .option('--package <file>', 'a Debian package to install instead')
        .option('--wait <seconds>', 'how long a started node may take to answer', parseSeconds, 30)
        .option('--ca-dir <dir>', 'directory of the CA (default: mco-deploy/ca in the XDG data directory)')
        .option('--passphrase-file <file>', 'file whose first line is the passphrase of the CA key')
        .action(async (file, options) => {
          const { runApply } = await import('./apply.ts');
          context.exit(await runApply(file, options, { load, own, configDdl }, context));
        });
    },
  };
}

function parseParallel(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('it must be a number from 1 to 999.');
  return Number(text);
}
