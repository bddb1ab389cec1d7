import type { ActionContext } from '../../core/agent.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import type { RunCommand } from '../../core/ports.ts';
import { activateRelease } from './activate.ts';
import { verifyArtifact } from './artifact.ts';
import type { ApplicationConfig } from './config.ts';
import { checkHealth } from './health.ts';
import { assertRevision, assertRoot, type Layout, layoutOf, prepareLayout, readCurrent } from './layout.ts';
import { explainDisk, isPrepared, type Preparation, prepareRelease, sourceOf } from './prepare.ts';
import { pruneReleases } from './prune.ts';
import { isConfirmed, type ReleaseState, readState, settleState } from './state.ts';

export interface UpgradeResult {
  readonly application: string;
  readonly revision: string;
  /** What served before; empty for none. */
  readonly previous: string;
  readonly changed: boolean;
}

/** Milliseconds for a look at whether the release that serves is healthy. */
const look = 5000;

type Context = Pick<ActionContext, 'dryRun' | 'signal' | 'progress' | 'log'>;

/**
 * Brings a revision into service. Doing it again does nothing, or finishes what was cut off.
 * @throws Problem as {@link prepareRelease} and {@link activateRelease} do, and `bad-revision`, `bad-layout`, `bad-state`
 */
export async function upgrade(
  application: ApplicationConfig,
  revision: string,
  run: RunCommand,
  context: Context,
): Promise<UpgradeResult> {
  assertRevision(revision);
  const layout = layoutOf(application.root);
  try {
    await assertRoot(layout);
    const current = await readCurrent(layout);
    const state = settleState(await readState(layout), current);
    const result = { application: application.name, revision, previous: state.confirmed };
    if (
      revision === current &&
      isConfirmed(state, revision) &&
      (await isHealthy(application, revision, context.signal))
    ) {
      return { ...result, changed: false };
    }
    const preparation = { application, layout, revision, current, ...context };
    if (context.dryRun) {
      await rehearse(preparation);
      return { ...result, changed: true };
    }
    await prepareLayout(layout);
    await prepareRelease(preparation);
    const reached = await activateRelease({ application, layout, run, revision, current, state, context });
    await prune(layout, reached, revision, application, context);
    return { ...result, changed: true };
  } catch (error) {
    if (context.signal.aborted && !(error instanceof Problem)) {
      throw new Problem('cancelled', `the upgrade of “${application.name}” was cancelled`, 'nothing was changed');
    }
    throw explainDisk(error, application.root);
  }
}

/** The release is in service by then: what can't be removed is no failure of the call. */
async function prune(
  layout: Layout,
  state: ReleaseState,
  current: string,
  { keep }: ApplicationConfig,
  { log }: Context,
) {
  try {
    await pruneReleases(layout, state, current, keep);
  } catch (error) {
    log.warn({ root: layout.root, reason: explainErrno(error) }, 'old releases cannot be removed');
  }
}

async function isHealthy({ health }: ApplicationConfig, revision: string, signal: AbortSignal): Promise<boolean> {
  if (health === undefined) return true;
  return (await checkHealth(health, revision, Math.min(look, health.timeout * 1000), signal)).healthy;
}

/** Whether an upgrade would find what it needs. */
async function rehearse(preparation: Preparation): Promise<void> {
  const { application, revision, signal } = preparation;
  if (await isPrepared(preparation)) return;
  const artifact = await verifyArtifact(sourceOf(application), revision, signal);
  await artifact.handle.close();
}
