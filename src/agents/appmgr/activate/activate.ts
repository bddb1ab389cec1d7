import { explainErrno, Problem } from '../../../core/errors.ts';
import type { Activation } from './activation.ts';
import { revert } from './revert.ts';
import { isFull } from '../release/disk.ts';
import { reload, runHook } from './hooks.ts';

/**
 * Activates a prepared release and confirms it. On failure, the release before replaces it (if configured and present),
 * and the failure is thrown.
 * @throws Problem `hook-failed` (nothing changed), `unhealthy-release`, `cancelled`; `no-space`, `disk-error` for one that
 * serves and cannot be confirmed
 */
export async function activateRelease(activation: Activation): Promise<void> {
  const { application, revision, current, work } = activation;
  const { config, releases } = application;
  const details = { revision, previous: current };
  await runHook(application, 'before', details, work);
  assertGoingOn(work.signal);
  const pending = { ...activation.state, pending: revision };
  await releases.writeState(pending);
  try {
    await releases.switchTo(revision, current, work);
    await bringUp(activation);
  } catch (error) {
    throw await revert(activation, pending, error);
  }
  work.log.info({ application: config.name, revision, previous: current }, 'release in service');
  await record(activation);
}

/** It serves, and no message may sound as if it did not. */
async function record({ application: { config, releases }, revision, confirmed }: Activation): Promise<void> {
  try {
    await releases.writeState(confirmed);
  } catch (cause) {
    const code = isFull(cause) ? 'no-space' : 'disk-error';
    const what = `revision ${revision} of “${config.name}” is in service and healthy, but that cannot be recorded: ${explainErrno(cause)}`;
    throw new Problem(code, what, 'see to its disk, then repeat the call: until then it counts as cut off', { cause });
  }
}

async function bringUp({ application, revision, current, work }: Activation): Promise<void> {
  const details = { revision, previous: current };
  await runHook(application, 'after_switch', details, work);
  assertGoingOn(work.signal);
  await reload(application, details, work);
  if (application.health !== undefined) {
    work.progress(`waiting for revision ${revision} to be healthy`);
    const { healthy, words } = await application.health.wait(revision, work.signal);
    assertGoingOn(work.signal);
    if (!healthy) throw new Problem('unhealthy-release', `${application.health.what} gave ${words}`);
  }
  await runHook(application, 'after', details, work);
  assertGoingOn(work.signal);
}

function assertGoingOn(signal: AbortSignal): void {
  if (signal.aborted) throw new Problem('cancelled', 'the call was cancelled');
}
