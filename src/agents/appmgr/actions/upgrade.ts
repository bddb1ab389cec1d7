import { explainErrno } from '../../../core/errors.ts';
import { activateRelease } from '../activate/activate.ts';
import { explainingFailure } from './explain-failure.ts';
import { assertRevision } from '../release/layout.ts';
import type { Work } from '../release/releases.ts';
import type { Application } from '../application.ts';
import {
  confirmRelease,
  isConfirmed,
  noteFailure,
  originOf,
  type ReleaseState,
  settleState,
} from '../release/state.ts';
import { checkHealth } from './status.ts';

export interface UpgradeResult {
  readonly application: string;
  readonly revision: string;
  /** The release that served before; empty for none. */
  readonly previous: string;
  readonly changed: boolean;
}

/**
 * Activates a revision. Repeating it does nothing, or completes what was cut off.
 * @throws Problem as {@link Releases.prepare} and {@link activateRelease} do, and `bad-revision`, `bad-layout`,
 * `bad-state`
 */
export async function upgrade(application: Application, revision: string, work: Work): Promise<UpgradeResult> {
  assertRevision(revision);
  const { config, releases } = application;
  return explainingFailure(application, 'the upgrade', work, async () => {
    const current = await releases.current();
    const state = settleState(await releases.readState(), current);
    const result = { application: config.name, revision, previous: state.confirmed };
    const isThere = revision === current && isConfirmed(state, revision);
    if (isThere && (await checkHealth(application, revision, work.signal)).healthy)
      return { ...result, changed: false };
    if (work.dryRun) {
      await releases.assertWritable();
      if (!(await releases.isPrepared(revision, false, work))) await releases.rehearse(revision, work);
      return { ...result, changed: true };
    }
    await releases.tidy();
    await releases.prepare(revision, false, work);
    const confirmed = confirmRelease(state, revision, originOf(work));
    try {
      await activateRelease({ application, revision, current, state, confirmed, work });
    } catch (error) {
      await noteAndPrune(application, revision, work);
      throw error;
    }
    await prune(application, confirmed, revision, work);
    return { ...result, changed: true };
  });
}

/** Five bad releases in a row must not displace the good ones; the failure of the release is reported in any case. */
async function noteAndPrune(application: Application, revision: string, work: Work): Promise<void> {
  const { releases } = application;
  try {
    const state = noteFailure(settleState(await releases.readState(), await releases.current()), revision);
    await releases.writeState(state);
    await prune(application, state, await releases.current(), work);
  } catch (error) {
    work.log.warn({ root: releases.root, reason: explainErrno(error) }, 'the failed release cannot be recorded');
  }
}

/** The release is in place by now: leftovers that cannot be removed do not fail the call. */
export async function prune(
  { releases }: Application,
  state: ReleaseState,
  protectedRevision: string,
  { log }: Work,
): Promise<void> {
  try {
    await releases.prune(state, protectedRevision);
  } catch (error) {
    log.warn({ root: releases.root, reason: explainErrno(error) }, 'old releases cannot be removed');
  }
}
