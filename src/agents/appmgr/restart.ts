import type { ActionContext } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import type { RunCommand } from '../../core/ports.ts';
import { runOrder } from './command.ts';
import type { ApplicationConfig } from './config.ts';
import { awaitHealth } from './health.ts';
import { assertRoot, layoutOf, readCurrent } from './layout.ts';

export interface RestartResult {
  readonly application: string;
  readonly revision: string;
  /** In words; empty where nothing is checked, or nothing was done. */
  readonly health: string;
}

/**
 * Restarts the service on the release that it has.
 * @throws Problem `no-restart`, `no-release`, `restart-failed`, `unhealthy-release`, `cancelled`
 */
export async function restart(
  application: ApplicationConfig,
  run: RunCommand,
  { dryRun, signal, progress, log }: Pick<ActionContext, 'dryRun' | 'signal' | 'progress' | 'log'>,
): Promise<RestartResult> {
  const { name, health } = application;
  const argv = application.restart ?? application.reload;
  if (argv === undefined) {
    throw new Problem('no-restart', `“${name}” has no command to restart it`, 'set “restart” or “reload” in node.yaml');
  }
  const layout = layoutOf(application.root);
  await assertRoot(layout);
  const revision = await readCurrent(layout);
  if (revision === '') throw new Problem('no-release', `no release of “${name}” is in service`);
  if (dryRun) return { application: name, revision, health: '' };
  progress(`restarting on revision ${revision}`);
  const about = {
    application: name,
    revision,
    previous: revision,
    cwd: layout.root,
    timeout: application.reload_timeout,
  };
  await runOrder(run, { what: 'the restart', code: 'restart-failed', argv, ...about }, signal);
  if (health === undefined) return { application: name, revision, health: '' };
  const { healthy, words } = await awaitHealth(health, revision, signal);
  if (signal.aborted) throw new Problem('cancelled', 'the call was cancelled');
  if (!healthy) throw new Problem('unhealthy-release', `“${name}” did not come up again: ${health.url} gave ${words}`);
  log.info({ application: name, revision }, 'restarted');
  return { application: name, revision, health: words };
}
