import type { Command } from 'commander';
import type { CommonOptions } from '../../cli/common-options.ts';

/** The path of a bare program. */
export const usualProgram = '/usr/local/bin/mco-deploy';

/** How hosts are named and reached, the same for `install` and `uninstall`. */
export interface RemoteOptions extends CommonOptions {
  readonly hosts?: string;
  readonly user?: string;
  readonly sshConfig?: string;
  readonly identity?: string;
  readonly acceptNewHostKeys?: boolean;
  readonly parallel: number;
  readonly program: string;
  readonly directory: string;
  readonly service?: string;
  readonly dryRun?: boolean;
}

export function addRemoteOptions(command: Command, parseParallel: (text: string) => number): Command {
  command
    .argument('[hosts...]', '[NODE=][USER@]HOST[:PORT], as ssh knows the host; NODE is its name in the fleet')
    .option('--hosts <file>', 'hosts from a list of nodes, in any form that --nodes takes');
  return addSshOptions(command, parseParallel);
}

/** How hosts are reached, however they are named. */
export function addSshOptions(command: Command, parseParallel: (text: string) => number): Command {
  return command
    .option('--user <name>', 'the user for hosts that do not name one')
    .option('--ssh-config <file>', "ssh's configuration file")
    .option('-i, --identity <file>', 'the private key to log in with')
    .option('--accept-new-host-keys', 'accept the key of a host that is not known yet')
    .option('--parallel <n>', 'hosts at a time', parseParallel, 8)
    .option('--program <path>', 'where the program is on the hosts', usualProgram)
    .option('--directory <path>', 'where the configuration is on the hosts', '/etc/mco-deploy')
    .option(
      '--service <how>',
      'systemd, none, or the path of an init script there (default: systemd where there is one)',
    )
    .option('--dry-run', 'show what would change, and change nothing');
}
