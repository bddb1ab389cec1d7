import { type Command, Option } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CommandEntry } from '../../cli/context.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { collect } from '../../cli/collect.ts';
import { addRunOptions } from '../../cli/run-options.ts';

/** `upgrade` is the shipped playbook of its strategy with its inputs as options. */
export function upgradeCommand(catalogue: readonly Ddl[], load: LoadNodeParts): CommandEntry {
  return {
    name: 'upgrade',
    define: (program, context) => {
      const command = program
        .command('upgrade [application] [revision]')
        .description('upgrade a cluster of web servers to another revision without losing a request');
      addServerOptions(command);
      addStrategyOptions(command);
      addReleaseOptions(command);
      addCheckOptions(command);
      addNoticeOptions(command);
      addRunOptions(command).action(async (application, revision, options) => {
        const { readUpgradeOptions } = await import('./declared.ts');
        const { upgradeCluster } = await import('./upgrade.ts');
        const whole = await readUpgradeOptions({ application, revision }, options, load);
        context.exit(await upgradeCluster(whole, catalogue, context));
      });
    },
  };
}

/** Which servers, and the revision. */
function addServerOptions(command: Command): void {
  command
    .option('--cluster <name>', 'the cluster, instead of an application of fleet.yaml: value of the fact “cluster”')
    .option('--rev <revision>', 'the revision to install')
    .option('--fleet <file>', 'where the application is declared (default: fleet.yaml)')
    .option(
      '--backend <names>',
      'the HAProxy backends, separated by commas (default: every one that leads to the servers)',
    );
}

/** In what order, and what happens to what failed. */
function addStrategyOptions(command: Command): void {
  command
    .addOption(
      new Option(
        '--strategy <name>',
        'take the servers out together, a batch at a time, or one first; auto (the default): together where enough others stay in traffic',
      ).choices(['auto', 'parallel', 'rolling', 'canary']),
    )
    .option('--batch <size>', 'rolling, canary: servers at a time, such as 2, 25% or 1,2,50% (default: 2; 1,25%,50%)')
    .option('--soak <time>', 'rolling, canary: how long the first batch must prove itself in traffic (default: 0s; 5m)')
    .addOption(
      new Option(
        '--on-failure <choice>',
        'leave what failed out of traffic (the default), or return all servers to the release that served before',
      ).choices(['stop', 'rollback']),
    );
}

/** The application, and where its release comes from. */
function addReleaseOptions(command: Command): void {
  command
    .option('--application <name>', 'the application, where a server has several')
    .option('--publish <path>', 'publish this .tar.gz or directory as the revision first (needs --application)')
    .option('--sign <file>', 'with --publish: sign it with this Ed25519 private key (PEM)');
}

/** What a server must pass, and further inputs of the playbook. */
function addCheckOptions(command: Command): void {
  command
    .addOption(
      new Option(
        '--check <name>',
        'an NRPE check that each server must pass (repeatable; default: those of fleet.yaml, or check_load)',
      ).argParser(collect),
    )
    .option('--no-check', 'run no check')
    .addOption(
      new Option('--with <input>', 'any input of the playbook, as name=value (repeatable)').argParser(collect),
    );
}

/** Notices, and the limits of the run. */
function addNoticeOptions(command: Command): void {
  command
    .option('--recipient <url>', 'who to notify, such as mailto:ops@example.net')
    .option('--no-notify', 'notify nobody')
    .option('--min-available <n>', 'how many servers of each backend must stay usable')
    .option('--dry-run', 'show what would change on each node, and change nothing');
}
