import { join } from 'node:path';
import { Problem } from '../../../core/errors.ts';
import { makeDirectories } from '../../../core/files/durable.ts';
import type { RunCommand } from '../../../core/ports.ts';
import { runDeployCommand } from '../activate/command.ts';
import type { ApplicationConfig } from '../config.ts';
import { assertRevision } from './layout.ts';
import type { Releases, Work } from './releases.ts';
import { type ReleaseState, readState, writeState } from './state.ts';

type DeployConfig = NonNullable<ApplicationConfig['deploy']>;
type Part = 'command' | 'check' | 'fetch';

const problems = { command: 'deploy-failed', check: 'unknown-revision', fetch: 'fetch-failed' } as const;

/**
 * Releases that a custom command activates. The state is kept in the agent's directory, because only appmgr's own calls
 * show what serves.
 */
export function commandStore(
  application: ApplicationConfig,
  deploy: DeployConfig,
  run: RunCommand,
  stateDirectory: string,
): Releases {
  const root = application.root ?? '/';
  const file = join(stateDirectory, `${application.name}.json`);
  const state = async () => (await readState(file)) ?? { confirmed: '', before: '', pending: '' };
  const deployPart = async (part: Part, revision: string, work: Pick<Work, 'signal' | 'progress'>) => {
    const { confirmed: previous } = await state();
    await runPart(part, { application, deploy, run, root, revision, previous }, work);
  };
  return {
    root,
    directory: () => root,
    assertUsable: async () => {},
    assertWritable: async () => {},
    tidy: async () => {},
    // One that was cut off in the middle counts as in service, but not as confirmed: it is deployed again.
    current: async () => inService(await state()),
    readState: () => readState(file),
    writeState: async (fresh) => {
      await makeDirectories(stateDirectory, 0o700);
      await writeState(file, fresh);
    },
    has: async (revision, signal) => {
      try {
        await deployPart('check', revision, { signal, progress: () => {} });
        return true;
      } catch (error) {
        if (error instanceof Problem && error.code === problems.check && !signal.aborted) return false;
        throw error;
      }
    },
    isPlaced: async () => true,
    known: async () => {
      const { confirmed, before, pending } = await state();
      const revisions = [...new Set([before, confirmed, pending])].filter((revision) => revision !== '');
      return revisions.map((revision) => ({ revision, since: 0, whole: true }));
    },
    isPrepared: async () => false,
    rehearse: (revision, work) => deployPart('check', revision, work),
    prepare: async (revision, again, work) => {
      await deployPart('check', revision, work);
      if (!again) return;
      if (deploy.fetch !== undefined) return deployPart('fetch', revision, work);
      throw new Problem(
        'no-fetch',
        `“${application.name}” has no command to fetch a release`,
        'set “fetch” in “deploy”',
      );
    },
    switchTo: async (revision, from, work) => {
      work.progress(`deploying ${revision}${from === '' || from === revision ? '' : ` in place of ${from}`}`);
      await deployPart('command', revision, work);
    },
    prune: async () => {},
  };
}

interface CommandRunOptions {
  readonly application: ApplicationConfig;
  readonly deploy: DeployConfig;
  readonly run: RunCommand;
  readonly root: string;
  readonly revision: string;
  readonly previous: string;
}

/** Runs a custom command, if there is one. @throws Problem with that part's code */
async function runPart(
  part: Part,
  { application, deploy, run, root, revision, previous }: CommandRunOptions,
  work: Pick<Work, 'signal' | 'progress'>,
): Promise<void> {
  assertRevision(revision);
  const argv = deploy[part]?.map((one) => one.replaceAll('{revision}', () => revision));
  if (argv === undefined) return;
  const what = part === 'command' ? 'the deploy command' : `the command “${part}”`;
  const variables = { application: application.name, revision, previous, cwd: root, timeout: deploy.timeout };
  await runDeployCommand(run, { what, code: problems[part], argv, ...variables }, work);
}

function inService({ confirmed, pending }: ReleaseState): string {
  return pending === '' ? confirmed : pending;
}
