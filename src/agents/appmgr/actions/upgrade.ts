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
 * Brings a revision into service. Doing it again does nothing, or finishes what was cut off.
 * @throws Problem as {@link Releases.prepare} and {@link activateRelease} do, and `bad-revision`, `bad-layout`, `bad-state`
 */
export async function upgrade(site: Application, revision: string, work: Work): Promise<UpgradeResult> {
  assertRevision(revision);
  const { application, releases } = site;
  return explainingFailure(site, 'the upgrade', work, async () => {
    const current = await releases.current();
    const state = settleState(await releases.readState(), current);
    const result = { application: application.name, revision, previous: state.confirmed };
    const isThere = revision === current && isConfirmed(state, revision);
    if (isThere && (await checkHealth(site, revision, work.signal)).healthy) return { ...result, changed: false };
    if (work.dryRun) {
      if (!(await releases.isPrepared(revision, false, work))) await releases.rehearse(revision, work);
      return { ...result, changed: true };
    }
    await releases.tidy();
    await releases.prepare(revision, false, work);
    const confirmed = confirmRelease(state, revision, originOf(work));
    try {
      await activateRelease({ site, revision, current, state, confirmed, work });
    } catch (error) {
      await noteAndPrune(site, revision, work);
      throw error;
    }
    await prune(site, confirmed, revision, work);
    return { ...result, changed: true };
  });
}

/** Five bad releases in a row must not push out the good ones; that the release failed is reported whatever comes of this. */
async function noteAndPrune(site: Application, revision: string, work: Work): Promise<void> {
  const { releases } = site;
  try {
    const state = noteFailure(settleState(await releases.readState(), await releases.current()), revision);
    await releases.writeState(state);
    await prune(site, state, await releases.current(), work);
  } catch (error) {
    work.log.warn({ root: releases.root, reason: explainErrno(error) }, 'the failed release cannot be recorded');
  }
}

/** The release is in place by now: leftovers that cannot be removed do not fail the call. */
export async function prune(
  { releases }: Application,
  state: ReleaseState,
  held: string,
  { log }: Work,
): Promise<void> {
  try {
    await releases.prune(state, held);
  } catch (error) {
    log.warn({ root: releases.root, reason: explainErrno(error) }, 'old releases cannot be removed');
  }
}
