import { InvalidArgumentError } from 'commander';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { parseSeconds } from '../../cli/target-options.ts';
import { addRemoteOptions } from './options.ts';
import type { CheckNodeConfig } from '../../install/files/desired-files.ts';

/**
 * @param check reads a configuration as a daemon does
 * @param own the file that is running
 */
export function installCommand(check: CheckNodeConfig, own: string): CommandEntry {
  return {
    name: 'install',
    define: (program, context) => {
      const command = program.command('install').description('turn hosts into nodes of the fleet, over ssh');
      addCommonOptions(addRemoteOptions(command, parseParallel))
        .option('--binary <file>', 'the program to install (default: this one)')
        .option('--package <file>', 'a Debian package to install instead')
        .option(
          '--agent <name...>',
          'agents to enable (default: those of --node-config, else rpcutil, lock, journal, jobs, crl and audit)',
        )
        .option('--node-config <file>', 'settings for node.yaml, with a section for each agent that needs one')
        .option('--fact <fact...>', 'facts of the hosts, as name=value')
        .option('--class <class...>', 'classes of the hosts')
        .option('--policies <path>', 'AGENT.policy, or a directory of policies (default: you may call everything)')
        .option('--relay', 'let the hosts relay for others, and make them relays')
        .option('--replace', 'replace what was changed on the host, and take it over from another fleet')
        .option('--wait <seconds>', 'how long a started node may take to answer', parseSeconds, 30)
        .option('--ca-dir <dir>', 'directory of the CA (default: mco-deploy/ca in the XDG data directory)')
        .option('--passphrase-file <file>', 'file whose first line is the passphrase of the CA key')
        .action(async (hosts, options) => {
          const { runInstall } = await import('./install.ts');
          context.exit(await runInstall(hosts, options, { check, own }, context));
        });
    },
  };
}

/** @param check reads a configuration as a daemon does */
export function uninstallCommand(check: CheckNodeConfig): CommandEntry {
  return {
    name: 'uninstall',
    define: (program, context) => {
      const command = program.command('uninstall').description('remove the daemon from hosts, over ssh');
      addCommonOptions(addRemoteOptions(command, parseParallel))
        .option('--purge', 'also remove key, configuration, state and audit log')
        .action(async (hosts, options) => {
          const { runUninstall } = await import('./uninstall.ts');
          context.exit(await runUninstall(hosts, options, check, context));
        });
    },
  };
}

function parseParallel(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('it must be a number from 1 to 999.');
  return Number(text);
}
