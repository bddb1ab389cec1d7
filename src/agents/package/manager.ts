import { access } from 'node:fs/promises';
import { Problem } from '../../core/errors.ts';
import type { RunCommand } from '../../core/ports.ts';
import { aptManager } from './apt.ts';
import type { PackageConfig } from './config.ts';
import { dnfManager } from './dnf.ts';
import type { PackageManager } from './package-manager.ts';
import { defineRunner } from './runner.ts';

/** The configured package manager, or the one that the host has. @throws Problem `no-package-manager` */
export async function openManager(config: PackageConfig, run: RunCommand): Promise<PackageManager> {
  const runner = defineRunner(config, run);
  const kind = config.manager ?? ((await exists('/usr/bin/apt-get')) ? 'apt' : 'dnf');
  if (kind === 'apt') return aptManager(runner, config.lock_wait);
  if (config.manager === undefined && !(await exists('/usr/bin/dnf'))) {
    throw new Problem('no-package-manager', 'this host has neither apt nor dnf', 'the package agent needs one of them');
  }
  return dnfManager(runner, config.lock_wait);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
