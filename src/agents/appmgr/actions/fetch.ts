import { explainingFailure } from './explain-failure.ts';
import { assertRevision } from '../release/layout.ts';
import type { Work } from '../release/releases.ts';
import type { Application } from '../application.ts';
import { settleState } from '../release/state.ts';
import { prune } from './upgrade.ts';

export interface FetchResult {
  readonly application: string;
  readonly revision: string;
  /** Whether anything was copied; false when it was here already. */
  readonly changed: boolean;
}

/**
 * Prepares a whole and verified release on the node, so that an upgrade to it is only a switch.
 * @throws Problem as {@link Releases.prepare} does
 */
export async function fetchRelease(application: Application, revision: string, work: Work): Promise<FetchResult> {
  assertRevision(revision);
  const { config, releases } = application;
  return explainingFailure(application, 'the fetch', work, async () => {
    const result = { application: config.name, revision };
    if (await releases.isPrepared(revision, true, work)) return { ...result, changed: false };
    if (work.dryRun) {
      await releases.assertWritable();
      await releases.rehearse(revision, work);
      return { ...result, changed: true };
    }
    await releases.tidy();
    await releases.prepare(revision, true, work);
    const state = settleState(await releases.readState(), await releases.current());
    await prune(application, state, revision, work);
    return { ...result, changed: true };
  });
}
