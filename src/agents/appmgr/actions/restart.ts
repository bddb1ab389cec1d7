import { Problem } from '../../../core/errors.ts';
import { actOnService } from '../activate/hooks.ts';
import type { Work } from '../release/releases.ts';
import { restartOf } from '../activate/service.ts';
import type { Application } from '../application.ts';

export interface RestartResult {
  readonly application: string;
  readonly revision: string;
  /** In words; empty if nothing is checked, or nothing was done. */
  readonly health: string;
}

/**
 * Restarts the service on its current release.
 * @throws Problem `no-restart`, `no-release`, `restart-failed`, `unhealthy-release`, `cancelled`
 */
export async function restart(application: Application, work: Work): Promise<RestartResult> {
  const { config, releases, health } = application;
  const { name } = config;
  const action = restartOf(config);
  if (action === undefined) {
    const hint = 'set “restart”, “reload” or “service” in node.yaml';
    throw new Problem('no-restart', `“${name}” has no command to restart it`, hint);
  }
  await releases.assertUsable();
  const revision = await releases.current();
  if (revision === '') throw new Problem('no-release', `no release of “${name}” is in service`);
  if (!(await releases.isPlaced(revision))) {
    const what = `the release ${revision} of “${name}”, which is in service, is missing: ${releases.directory(revision)}`;
    throw new Problem('no-release', what, `bring it back: mco-deploy rpc appmgr upgrade revision=${revision}`);
  }
  if (work.dryRun) return { application: name, revision, health: '' };
  work.progress(`restarting on revision ${revision}`);
  await actOnService(
    application,
    action,
    { what: 'the restart', code: 'restart-failed', revision, previous: revision },
    work,
  );
  if (health === undefined) return { application: name, revision, health: '' };
  const { healthy, words } = await health.wait(revision, work.signal);
  if (work.signal.aborted) throw new Problem('cancelled', 'the call was cancelled');
  if (!healthy) throw new Problem('unhealthy-release', `“${name}” did not come up again: ${health.what} gave ${words}`);
  work.log.info({ application: name, revision }, 'restarted');
  return { application: name, revision, health: words };
}
