import { explain, Problem } from '../../../core/errors.ts';
import type { Activation } from './activation.ts';
import { reload, runHook } from './hooks.ts';
import { reportService } from './service-report.ts';
import type { Work } from '../release/releases.ts';
import type { ReleaseState } from '../release/state.ts';

/** Goes back to the release before and adds the result to the problem that will be thrown. */
export async function revert(activation: Activation, pending: ReleaseState, error: unknown): Promise<Problem> {
  const { application, revision, work } = activation;
  const { name } = application.config;
  // Asked before the good release replaces it.
  const report = await reportService(activation.application);
  const outcome = await goBack(activation, pending);
  const reason = explain(error);
  work.log.error({ application: name, revision, reason, outcome }, 'release given up');
  const hookFault = await runFailureHook(activation, reason);
  return new Problem(
    work.signal.aborted ? 'cancelled' : 'unhealthy-release',
    [`revision ${revision} of “${name}” did not come up: ${reason}; ${outcome}${hookFault}`, ...report].join('\n'),
    `look at ${application.releases.directory(revision)}, or publish a corrected revision`,
    { cause: error },
  );
}

async function goBack(activation: Activation, pending: ReleaseState): Promise<string> {
  const { application, revision } = activation;
  const { confirmed } = pending;
  if (confirmed === revision) return 'it stays, because it served before';
  if (confirmed === '') return 'it stays, because there was no release before';
  if (application.config.on_failure === 'stay') return 'it stays, because the configuration says so';
  if (!(await application.releases.isPlaced(confirmed))) return `it stays, as ${confirmed} is no longer here`;
  activation.work.progress(`going back to ${confirmed}`);
  try {
    await application.releases.switchTo(confirmed, revision, unstoppable(activation, deployTimeout(activation)));
    await application.releases.writeState({ ...pending, pending: '' });
  } catch (error) {
    return `it could not go back to ${confirmed}: ${explain(error)}`;
  }
  try {
    await reload(
      application,
      { revision: confirmed, previous: revision },
      unstoppable(activation, application.config.reload_timeout),
    );
  } catch (error) {
    return `went back to ${confirmed}, but ${explain(error)}`;
  }
  return `went back to ${confirmed}${await describeRevertedHealth(activation, confirmed)}`;
}

/** The message when the old release is not healthy either. */
async function describeRevertedHealth({ application: { health } }: Activation, confirmed: string): Promise<string> {
  if (health === undefined) return '';
  const found = await health.wait(confirmed, new AbortController().signal);
  return found.healthy ? '' : `, which is not healthy either: ${found.words}`;
}

/** The call's failure is reported even if this fails. */
async function runFailureHook(activation: Activation, reason: string): Promise<string> {
  const { application, revision, current } = activation;
  try {
    const work = unstoppable(activation, application.config.hook_timeout);
    await runHook(application, 'on_failure', { revision, previous: current, reason }, work);
    return '';
  } catch (error) {
    return `; ${explain(error)}`;
  }
}

function deployTimeout({ application }: Activation): number {
  return application.config.deploy?.timeout ?? application.config.reload_timeout;
}

/** The call may be cancelled by now, but the service must still load the old release. */
function unstoppable({ work }: Activation, seconds: number): Pick<Work, 'signal' | 'progress'> {
  return { signal: AbortSignal.timeout(Math.ceil(seconds * 1000)), progress: work.progress };
}
