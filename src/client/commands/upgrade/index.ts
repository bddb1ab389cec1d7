import type { Ddl } from '../../../core/ddl.ts';
import { addCommonOptions } from '../../common-options.ts';
import type { CommandEntry } from '../../context.ts';
import { addDiscoveryOptions, parseSeconds } from '../../target-options.ts';

interface UpgradeOptions {
  readonly cluster: string;
  readonly rev: string;
  readonly backend?: string;
  readonly recipient?: string;
  readonly notify: boolean;
  readonly minAvailable?: string;
}

/** `upgrade` is the shipped playbook app_cluster_upgrade with its inputs as options. */
export function upgradeCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'upgrade',
    define: (program, context) => {
      const command = program
        .command('upgrade')
        .description('bring a cluster of web servers to another revision, without losing a request')
        .requiredOption('--cluster <name>', 'the cluster: value of the fact “cluster”')
        .requiredOption('--rev <revision>', 'the revision to bring it to')
        .option('--backend <name>', 'the HAProxy backend (default: the one that holds all the servers)')
        .option('--recipient <url>', 'whom to notify, such as mailto:ops@example.net')
        .option('--no-notify', 'notify nobody')
        .option('--min-available <n>', 'how many servers of the backend must stay usable')
        .option('--allow-missing', 'begin although a known node is silent')
        .option('--dry-run', 'ask everyone what would change, and change nothing')
        .option('--lock-wait <seconds>', 'wait so long for another run to end', parseSeconds)
        .option('--no-lock', 'do not keep other runs away')
        .option('-y, --yes', 'do not ask on a terminal');
      addCommonOptions(addDiscoveryOptions(command)).action(async (options) => {
        const { runNamedPlaybook } = await import('../run/run.ts');
        const inputs = inputsOf(options);
        context.exit(await runNamedPlaybook({ playbook: 'app_cluster_upgrade', inputs, options }, catalogue, context));
      });
    },
  };
}

function inputsOf({ cluster, rev, backend, recipient, notify, minAvailable }: UpgradeOptions): Record<string, unknown> {
  const given = {
    cluster,
    revision: rev,
    backend,
    recipient,
    min_available: minAvailable,
    notify: notify ? undefined : false,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
