import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { loadClientConfig } from '../../../library/config/config.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { parseKeyValues } from '../../cli/key-values.ts';
import type { RunPlaybookOptions } from '../../runs/run-with-nodes.ts';
import { runNamedPlaybook } from '../run/run.ts';
import { chooseStrategy, type Strategy } from './strategy.ts';

/** All servers of the cluster leave the load balancers together, or a batch at a time, or one of them first. */
const playbooks: Readonly<Record<Strategy['name'], string>> = {
  parallel: 'app_cluster_upgrade',
  rolling: 'app_rolling_upgrade',
  canary: 'app_canary_upgrade',
};

export interface UpgradeOptions extends RunPlaybookOptions {
  readonly cluster: string;
  readonly rev: string;
  readonly application?: string;
  readonly backend?: string;
  readonly recipient?: string;
  readonly notify: boolean;
  readonly minAvailable?: string;
  readonly strategy: 'auto' | Strategy['name'];
  readonly batch?: string;
  readonly soak?: string;
  readonly onFailure: string;
  /** Names of checks; false for none, true by default. */
  readonly check: readonly string[] | boolean;
  /** Further inputs of the playbook, as `name=value`. */
  readonly with?: readonly string[];
  readonly dryRun?: boolean;
  /** An artifact to publish first, as the revision. */
  readonly publish?: string;
  /** The key that signs it. */
  readonly sign?: string;
}

/** Runs the shipped playbook of the strategy with its inputs as options. @throws Problem `usage` */
export async function upgradeCluster(
  options: UpgradeOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const more = Object.fromEntries(parseKeyValues(options.with ?? []));
  await requireRecipient(options, more, context);
  if (options.publish !== undefined || options.sign !== undefined) {
    const { publishFor } = await import('./publish-for.ts');
    const code = await publishFor(options, catalogue, context);
    if (code !== exitCode.ok || options.dryRun === true) return code;
  }
  const strategy = await strategyFor(options, catalogue, context);
  const inputs = { ...inputsOf(options, strategy), ...more };
  return await runNamedPlaybook({ playbook: playbooks[strategy.name], inputs, options }, catalogue, context);
}

/** In the words of this command, and before any node is asked. */
async function requireRecipient(
  { notify, recipient, config }: UpgradeOptions,
  more: Readonly<Record<string, string>>,
  { env }: CliContext,
): Promise<void> {
  if (!notify || recipient !== undefined || more.recipient !== undefined || more.notify === 'false') return;
  const { inputs } = await loadClientConfig(config, env);
  if (inputs.recipient !== undefined || inputs.notify === false) return;
  const hint = 'give --recipient mailto:you@example.net, or --no-notify';
  throw new Problem('usage', 'no recipient is named for notices of the upgrade', hint);
}

async function strategyFor(options: UpgradeOptions, catalogue: readonly Ddl[], context: CliContext): Promise<Strategy> {
  const { strategy, batch, soak } = options;
  if (strategy === 'parallel' && (batch ?? soak) !== undefined) {
    const option = batch === undefined ? '--soak' : '--batch';
    throw new Problem('usage', `${option} needs --strategy rolling or canary`, `add it, or leave ${option} out`);
  }
  if (strategy !== 'auto') return { name: strategy, batch };
  // Options for a batch or a soak ask for a batch at a time.
  if ((batch ?? soak) !== undefined) return { name: 'rolling', batch };
  const chosen = await chooseStrategy(options, catalogue, context);
  if (chosen.why !== undefined) context.err(`strategy: ${chosen.name}: ${chosen.why}`);
  return chosen;
}

function inputsOf(options: UpgradeOptions, { batch }: Strategy): Record<string, unknown> {
  const { cluster, rev, application, backend, recipient, notify, minAvailable, soak, onFailure, check } = options;
  const inputs = {
    cluster,
    revision: rev,
    application,
    backend,
    recipient,
    min_available: minAvailable,
    batch,
    soak,
    on_failure: onFailure,
    checks: check === true ? undefined : check === false ? [] : check,
    notify: notify ? undefined : false,
  };
  return Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== undefined));
}
