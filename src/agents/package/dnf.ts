import { Problem } from '../../core/errors.ts';
import type { PackageChange, PackageManager, PackageRequest } from './package-manager.ts';
import type { Runner } from './runner.ts';

/** The exit code of dnf when packages have updates. */
const updatesAvailable = 100;

/** Fedora, RHEL and their derivatives: dnf(8), and rpm(8) for installed packages. */
export function dnfManager(run: Runner, lockWait: number): PackageManager {
  const quiet = ['--quiet', '--assumeyes', '--setopt=install_weak_deps=False'] as const;
  const patient = ['--setopt', `exit_on_lock=${lockWait === 0 ? 'True' : 'False'}`] as const;
  const installedOf = async (name: string, signal: AbortSignal) => {
    const format = '%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n';
    const { stdout, code } = await run(['rpm', '--query', '--queryformat', format, '--', name], {
      signal,
      answers: [1],
    });
    return code === 0 ? plain(stdout.trim().split('\n').at(-1) ?? '') : '';
  };
  const candidateOf = async (name: string, signal: AbortSignal) => {
    const format = '%{epoch}:%{version}-%{release}\\n';
    const words = ['repoquery', '--quiet', '--latest-limit=1', '--queryformat', format, '--', name] as const;
    const { stdout } = await run(['dnf', ...words], { signal });
    return plain(stdout.trim().split('\n').at(-1) ?? '');
  };
  const changeOf = async ({ name, version }: PackageRequest, signal: AbortSignal): Promise<PackageChange> => {
    const from = await installedOf(name, signal);
    const to = version ?? (await candidateOf(name, signal));
    if (to === '') throw new Problem('no-such-package', `no repository of this host has the package ${name}`);
    return { package: name, from, to };
  };
  return {
    async status(name, signal) {
      const installed = await installedOf(name, signal);
      return { installed, candidate: await candidateOf(name, signal) };
    },
    async refresh(signal) {
      await run(['dnf', 'makecache', '--quiet', '--refresh', ...patient], { signal, change: true });
    },
    async updates(security, signal) {
      const words = ['check-update', '--quiet', ...(security ? ['--security'] : [])];
      const { stdout } = await run(['dnf', ...words], { signal, answers: [updatesAvailable] });
      const names = parseUpdates(stdout);
      return await Promise.all(
        names.map(async ({ name, to }) => ({ package: name, from: await installedOf(name, signal), to })),
      );
    },
    async plan(packages, signal) {
      const changes = await Promise.all(packages.map((one) => changeOf(one, signal)));
      return changes.filter(({ from, to }) => from !== to);
    },
    async install(packages, signal, progress) {
      const words = [...quiet, ...patient, '--', ...packages.map(wordOf)];
      await run(['dnf', 'install', ...words], { signal, change: true, onOutput: progress });
    },
    async rebootRequired(signal) {
      const { code } = await run(['dnf', 'needs-restarting', '--reboothint', '--quiet'], {
        signal,
        answers: [1],
      }).catch(
        // Without its plugin, dnf does not support it.
        () => ({ code: 0 }),
      );
      return code === 1;
    },
  };
}

function wordOf({ name, version }: PackageRequest): string {
  return version === undefined ? name : `${name}-${version}`;
}

/** Without the epoch 0, which nobody writes. */
function plain(version: string): string {
  return version.replace(/^0:/, '');
}

/** Lines of dnf check-update: `NAME.ARCH VERSION REPOSITORY`, until the section of obsoletes. */
function parseUpdates(text: string): { name: string; to: string }[] {
  const [updates = ''] = text.split(/^Obsoleting Packages/m);
  return [...updates.matchAll(/^(\S+)\.[^.\s]+\s+(\S+)\s+\S+\s*$/gm)].map(([, name = '', to = '']) => ({
    name,
    to: plain(to),
  }));
}
