import type { Readable, Writable } from 'node:stream';
import type { CommandEntry } from '../../cli/context.ts';

/** The functions of the daemon's part of the program. */
export interface ConfigHelper {
  readonly serve: (
    directory: string,
    streams: { readonly input: Readable; readonly output: Writable; readonly log: (line: string) => void },
  ) => Promise<void>;
  /** Goes back to the last good version if that is due. @returns whether it was */
  readonly takeBack: (directory: string) => Promise<boolean>;
}

/** The program that writes a node's configuration: systemd and the daemon start it, people do not. */
export function configHelperCommand(load: () => Promise<ConfigHelper>): CommandEntry {
  return {
    name: 'config-helper',
    define: (program, context) => {
      program
        .command('config-helper', { hidden: true })
        .description('change the configuration of this node, as an operator signed it')
        .option('--directory <path>', 'where the configuration is', '/etc/mco-deploy')
        .option('--take-back', 'restore the last good version if a change was interrupted or not confirmed in time')
        .action(async ({ directory, takeBack }: { directory: string; takeBack?: boolean }) => {
          const helper = await load();
          if (takeBack === true) await helper.takeBack(directory);
          else await helper.serve(directory, { input: process.stdin, output: process.stdout, log: context.err });
          context.exit(0);
        });
    },
  };
}
