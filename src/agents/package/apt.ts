import { access } from 'node:fs/promises';
import type { PackageChange, PackageManager, PackageRequest } from './package-manager.ts';
import type { Runner } from './runner.ts';

/** Never asks, keeps configuration files that the administrator changed, and removes nothing. */
const careful = ['--yes', '--no-remove', '-o', 'Dpkg::Options::=--force-confold', '-o', 'Dpkg::Use-Pty=0'] as const;

/** Debian and its derivatives: apt-get(8) and apt-cache(8), whose output is made for programs. */
export function aptManager(run: Runner, lockWait: number): PackageManager {
  const patient = ['-o', `DPkg::Lock::Timeout=${lockWait}`] as const;
  const simulate = async (words: readonly string[], signal: AbortSignal) => {
    const argv = ['apt-get', '--simulate', ...careful, ...words] as const;
    const { stdout } = await run(argv, { signal });
    return parseSimulation(stdout);
  };
  return {
    async status(name, signal) {
      const { stdout } = await run(['apt-cache', 'policy', '--', name], { signal });
      return { installed: fieldOf(stdout, 'Installed'), candidate: fieldOf(stdout, 'Candidate') };
    },
    async refresh(signal) {
      await run(['apt-get', 'update', ...patient, '--error-on=any'], { signal, change: true });
    },
    async updates(security, signal) {
      const found = await simulate(['upgrade'], signal);
      return found.filter(({ isSecurity }) => !security || isSecurity).map(({ isSecurity: _, ...change }) => change);
    },
    async plan(packages, signal) {
      const found = await simulate(['install', '--no-install-recommends', '--', ...packages.map(wordOf)], signal);
      return found.map(({ isSecurity: _, ...change }) => change);
    },
    async install(packages, signal, progress) {
      const words = ['--no-install-recommends', '--', ...packages.map(wordOf)];
      await run(['apt-get', 'install', ...careful, ...patient, ...words], { signal, change: true, onOutput: progress });
    },
    rebootRequired: () =>
      access('/run/reboot-required').then(
        () => true,
        () => false,
      ),
  };
}

function wordOf({ name, version }: PackageRequest): string {
  return version === undefined ? name : `${name}=${version}`;
}

function fieldOf(text: string, field: string): string {
  const value = new RegExp(`^ +${field}: (.*)$`, 'm').exec(text)?.[1] ?? '';
  return value === '(none)' ? '' : value;
}

/** Lines of apt-get --simulate: `Inst NAME [OLD] (NEW ORIGIN:…/SUITE, … [ARCH])`; a new package has no OLD. */
function parseSimulation(text: string): (PackageChange & { readonly isSecurity: boolean })[] {
  const lines = text.matchAll(/^Inst (\S+)(?: \[([^\]]+)\])? \((\S+) ([^)]*?)\)/gm);
  return [...lines].map(([, name = '', from = '', to = '', origins = '']) => ({
    package: name,
    from,
    to,
    isSecurity: /-?security/i.test(origins),
  }));
}
