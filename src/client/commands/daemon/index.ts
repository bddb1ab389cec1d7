import type { CommandEntry } from '../../cli/context.ts';

/** The default path of a node's configuration. */
export const nodeConfigFile = '/etc/mco-deploy/node.yaml';

export function daemonCommand(run: () => Promise<(configFile: string) => Promise<void>>): CommandEntry {
  return {
    name: 'daemon',
    define: (program, context) => {
      program
        .command('daemon')
        .description('run this host as a node')
        .option('--config <file>', "the node's configuration", nodeConfigFile)
        .action(async ({ config }: { config: string }) => {
          const serve = await run();
          await serve(config);
          context.exit(0);
        });
    },
  };
}
