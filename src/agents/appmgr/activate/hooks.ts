import type { ProblemCode } from '../../../core/problems/index.ts';
import { runDeployCommand } from './command.ts';
import type { Work } from '../release/releases.ts';
import { reloadOf, type ServiceAction, sendSignal } from './service.ts';
import type { Application } from '../application.ts';

/** The release of a command, and the one that served before it. */
export interface ReleaseInfo {
  readonly revision: string;
  readonly previous: string;
}

export type Hook = 'before' | 'after_switch' | 'after' | 'on_failure';

/** Makes the service load the current release, if a way is configured. @throws Problem with that code */
export async function actOnService(
  { config, releases, run }: Application,
  action: ServiceAction,
  { what, code, revision, previous }: ReleaseInfo & { readonly what: string; readonly code: ProblemCode },
  work: Pick<Work, 'signal' | 'progress'>,
): Promise<void> {
  if (action.kind === 'signal') return sendSignal(action, code);
  const { name, reload_timeout: timeout } = config;
  const command = { what, code, argv: action.argv, timeout, cwd: releases.root, application: name, revision, previous };
  await runDeployCommand(run, command, work);
}

/** Runs a hook in the directory of its release, if there is one. @throws Problem `hook-failed` */
export async function runHook(
  { config, releases, run }: Application,
  hook: Hook,
  { revision, previous, reason }: ReleaseInfo & { readonly reason?: string },
  work: Pick<Work, 'signal' | 'progress'>,
): Promise<void> {
  const argv = config.hooks?.[hook];
  if (argv === undefined) return;
  work.progress(`running the hook “${hook}”`);
  const command = {
    what: `the hook “${hook}”`,
    code: 'hook-failed' as const,
    argv,
    timeout: config.hook_timeout,
    cwd: releases.directory(revision),
    application: config.name,
    revision,
    previous,
    ...(reason === undefined ? {} : { reason }),
  };
  await runDeployCommand(run, command, work);
}

/** Makes the service load a release. @throws Problem `reload-failed` */
export async function reload(
  application: Application,
  release: ReleaseInfo,
  work: Pick<Work, 'signal' | 'progress'>,
): Promise<void> {
  const action = reloadOf(application.config);
  if (action === undefined) return;
  work.progress(`reloading the service for revision ${release.revision}`);
  await actOnService(application, action, { what: 'the reload', code: 'reload-failed', ...release }, work);
}
