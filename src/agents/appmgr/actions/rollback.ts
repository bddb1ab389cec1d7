import { Problem } from '../../../core/errors.ts';
import { activateRelease } from '../activate/activate.ts';
import { explainingFailure } from './explain-failure.ts';
import { assertRevision } from '../release/layout.ts';
import type { Work } from '../release/releases.ts';
import type { Application } from '../application.ts';
import { confirmRollback, originOf, type ReleaseState, settleState } from '../release/state.ts';
import type { UpgradeResult } from './upgrade.ts';

export interface RollbackInput {
  /** The release to return to; default: the one that served before. */
  readonly revision?: string | undefined;
  /** The release to leave: if another one is in service, nothing is done. */
  readonly from?: string | undefined;
}

/**
 * Goes back to a release that is still on the node, without its artifact. That release then has none before it: so a
 * second call fails instead of restoring the one that was left.
 * @throws Problem `no-previous`, `unknown-release`, and as {@link activateRelease} does
 */
export async function rollback(application: Application, input: RollbackInput, work: Work): Promise<UpgradeResult> {
  const { config, releases } = application;
  for (const revision of [input.revision, input.from]) if (revision !== undefined) assertRevision(revision);
  return explainingFailure(application, 'the rollback', work, async () => {
    const current = await releases.current();
    const state = settleState(await releases.readState(), current);
    const result = { application: config.name, previous: current };
    if (input.from !== undefined && input.from !== current) return { ...result, revision: current, changed: false };
    const revision = await chooseTarget(application, input.revision, current, state);
    if (revision === current && state.pending === '') return { ...result, revision, changed: false };
    if (work.dryRun) {
      await releases.assertWritable();
      return { ...result, revision, changed: true };
    }
    await releases.tidy();
    await activateRelease({
      application,
      revision,
      current,
      state,
      confirmed: confirmRollback(state, revision, originOf(work)),
      work,
    });
    return { ...result, revision, changed: true };
  });
}

/** If the release in service was never confirmed, the confirmed one before it is the target. */
async function chooseTarget(
  { config, releases }: Application,
  named: string | undefined,
  current: string,
  { confirmed, before }: ReleaseState,
): Promise<string> {
  const known = await releases.known();
  const others = known.map(({ revision }) => revision).filter((revision) => revision !== current);
  const there = others.length === 0 ? 'there is no other release on this node' : `there are: ${others.join(', ')}`;
  const target = named ?? (current === confirmed ? before : confirmed);
  if (target === '') {
    const what = `no release of “${config.name}” is known before ${current === '' ? 'now' : current}`;
    throw new Problem('no-previous', what, there);
  }
  const found = known.find(({ revision }) => revision === target);
  // A release from before appmgr is not marked as whole.
  const isUsable = found?.whole === true || (named === undefined && (await releases.isPlaced(target)));
  if (found !== undefined && isUsable) return target;
  throw new Problem('unknown-release', `release ${target} of “${config.name}” is not complete on this node`, there);
}
