import type { ActionContext } from '../../core/agent.ts';
import { explain, Problem } from '../../core/errors.ts';
import type { RunCommand } from '../../core/ports.ts';
import { runOrder } from './command.ts';
import type { ApplicationConfig } from './config.ts';
import { awaitHealth } from './health.ts';
import { isPlaced, type Layout, switchCurrent } from './layout.ts';
import { confirmRelease, type ReleaseState, writeState } from './state.ts';

export interface Activation {
  readonly application: ApplicationConfig;
  readonly layout: Layout;
  readonly run: RunCommand;
  readonly revision: string;
  readonly current: string;
  readonly state: ReleaseState;
  readonly context: Pick<ActionContext, 'signal' | 'progress' | 'log'>;
}

/**
 * Puts a prepared release into service and confirms it. When it fails, the release before takes its place again
 * (where so configured and there is one), and the failure is thrown.
 * @returns the state that was written
 * @throws Problem `hook-failed` (nothing changed), `unhealthy-release`, `cancelled`
 */
export async function activateRelease(activation: Activation): Promise<ReleaseState> {
  const { application, layout, revision, current, context } = activation;
  await runHook(activation, 'before', context.signal);
  assertGoingOn(context.signal);
  const pending = { ...activation.state, pending: revision };
  await writeState(layout, pending);
  if (current !== revision) {
    context.progress(`switching from ${current === '' ? 'nothing' : current} to ${revision}`);
    await switchCurrent(layout, revision);
  }
  try {
    await bringUp(activation);
  } catch (error) {
    throw await giveUp(activation, pending, error);
  }
  const confirmed = confirmRelease(activation.state, revision);
  await writeState(layout, confirmed);
  context.log.info({ application: application.name, revision, previous: confirmed.before }, 'release in service');
  return confirmed;
}

async function bringUp(activation: Activation): Promise<void> {
  const { application, revision, context } = activation;
  await reload(activation, revision, context.signal);
  if (application.health !== undefined) {
    context.progress(`waiting for revision ${revision} to be healthy`);
    const { healthy, words } = await awaitHealth(application.health, revision, context.signal);
    assertGoingOn(context.signal);
    if (!healthy) {
      throw new Problem('unhealthy-release', `${application.health.url} gave ${words}`);
    }
  }
  await runHook(activation, 'after', context.signal);
  assertGoingOn(context.signal);
}

/** Goes back to the release before and says what came of it, in the problem that is to be thrown. */
async function giveUp(activation: Activation, pending: ReleaseState, error: unknown): Promise<Problem> {
  const { application, layout, revision, context } = activation;
  const outcome = await goBack(activation, pending);
  context.log.error({ application: application.name, revision, reason: explain(error), outcome }, 'release given up');
  return new Problem(
    context.signal.aborted ? 'cancelled' : 'unhealthy-release',
    `revision ${revision} of “${application.name}” did not come up: ${explain(error)}; ${outcome}`,
    `look at ${layout.release(revision)}, or publish a better revision`,
    { cause: error },
  );
}

async function goBack(activation: Activation, pending: ReleaseState): Promise<string> {
  const { application, layout, revision, context } = activation;
  const { confirmed } = pending;
  if (confirmed === revision) return 'it stays, as it was before';
  if (confirmed === '') return 'it stays, as there was none before';
  if (application.on_failure === 'stay') return 'it stays, as configured';
  if (!(await isPlaced(layout, confirmed))) {
    return `it stays, as ${confirmed} is no longer here`;
  }
  context.progress(`going back to ${confirmed}`);
  await switchCurrent(layout, confirmed);
  await writeState(layout, { ...pending, pending: '' });
  try {
    // The call may be cancelled by now, but the service must take up the old release all the same.
    await reload(activation, confirmed, AbortSignal.timeout(Math.ceil(application.reload_timeout * 1000)));
    return `went back to ${confirmed}`;
  } catch (error) {
    return `went back to ${confirmed}, but ${explain(error)}`;
  }
}

async function reload(activation: Activation, revision: string, signal: AbortSignal): Promise<void> {
  const { application, layout, run, current, context } = activation;
  if (application.reload === undefined) return;
  context.progress(`reloading the service for revision ${revision}`);
  const order = {
    what: 'the reload',
    code: 'reload-failed',
    argv: application.reload,
    timeout: application.reload_timeout,
    cwd: layout.root,
    application: application.name,
    revision,
    previous: current,
  };
  await runOrder(run, order, signal);
}

async function runHook(activation: Activation, hook: 'before' | 'after', signal: AbortSignal): Promise<void> {
  const { application, layout, run, revision, current, context } = activation;
  const argv = application.hooks?.[hook];
  if (argv === undefined) return;
  context.progress(`running the hook “${hook}”`);
  const order = {
    what: `the hook “${hook}”`,
    code: 'hook-failed',
    argv,
    timeout: application.hook_timeout,
    cwd: layout.release(revision),
    application: application.name,
    revision,
    previous: current,
  };
  await runOrder(run, order, signal);
}

function assertGoingOn(signal: AbortSignal): void {
  if (signal.aborted) throw new Problem('cancelled', 'the call was cancelled');
}
