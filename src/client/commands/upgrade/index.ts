import { Option } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addRunOptions } from '../../cli/run-options.ts';

interface UpgradeOptions {
  readonly cluster: string;
  readonly rev: string;
  readonly backend?: string;
  readonly recipient?: string;
  readonly notify: boolean;
  readonly minAvailable?: string;
  readonly strategy: keyof typeof playbooks;
  readonly batch?: string;
  readonly soak?: string;
  readonly onFailure: string;
}

/** All servers of the cluster leave the load balancers together, or a batch at a time, or one of them first. */
const playbooks = {
  parallel: 'app_cluster_upgrade',
  rolling: 'app_rolling_upgrade',
  canary: 'app_canary_upgrade',
} as const;

/** `upgrade` is the shipped playbook of its strategy with its inputs as options. */
export function upgradeCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'upgrade',
    define: (program, context) => {
      const command = program
        .command('upgrade')
        .description('upgrade a cluster of web servers to another revision without losing a request')
        .requiredOption('--cluster <name>', 'the cluster: value of the fact “cluster”')
        .requiredOption('--rev <revision>', 'the revision to install')
        .option(
          '--backend <names>',
          'the HAProxy backends, separated by commas (default: every one that leads to the servers)',
        )
        .addOption(
          new Option('--strategy <name>', 'take the servers out together, a batch at a time, or one first')
            .choices(Object.keys(playbooks))
            .default('parallel'),
        )
        .option(
          '--batch <size>',
          'rolling, canary: servers at a time, such as 2, 25% or 1,2,50% (default: 2; 1,25%,50%)',
        )
        .option(
          '--soak <time>',
          'rolling, canary: how long the first batch must prove itself in traffic (default: 0s; 5m)',
        )
        .addOption(
          new Option(
            '--on-failure <choice>',
            'leave what failed out of traffic, or return all servers to the release that served before',
          )
            .choices(['stop', 'rollback'])
            .default('stop'),
        )
        .option('--recipient <url>', 'who to notify, such as mailto:ops@example.net')
        .option('--no-notify', 'notify nobody')
        .option('--min-available <n>', 'how many servers of each backend must stay usable')
        .option('--dry-run', 'show what would change on each node, and change nothing');
      addRunOptions(command).action(async (options) => {
        const { runNamedPlaybook } = await import('../run/run.ts');
        const inputs = inputsOf(options);
        const playbook = playbooks[(options as UpgradeOptions).strategy];
        context.exit(await runNamedPlaybook({ playbook, inputs, options }, catalogue, context));
      });
    },
  };
}

/** @throws Problem `usage` */
function inputsOf(options: UpgradeOptions): Record<string, unknown> {
  const { cluster, rev, backend, recipient, notify, minAvailable, strategy, batch, soak, onFailure } = options;
  if ((batch ?? soak) !== undefined && strategy === 'parallel') {
    const option = batch === undefined ? '--soak' : '--batch';
    throw new Problem('usage', `${option} goes with --strategy rolling or canary`, `add it, or leave ${option} out`);
  }
  const given = {
    cluster,
    revision: rev,
    backend,
    recipient,
    min_available: minAvailable,
    batch,
    soak,
    on_failure: onFailure,
    notify: notify ? undefined : false,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
