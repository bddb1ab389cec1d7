import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { repository } from '../bundle/bundle.ts';
import type { Target } from '../targets.ts';

/**
 * The Node that a target's binary carries. npm installs only the one that fits the machine, so another is asked of npm by name, checked
 * against package-lock.json and kept in build/out.
 */
export async function runtimeOf(target: Target): Promise<string> {
  const installed = join(repository, 'node_modules', `node24-${target}`, 'bin/node');
  if (existsSync(installed)) return installed;
  const { name, version, integrity } = await lockedRuntime(target);
  const kept = join(repository, 'build/out/runtimes', `${name}-${version}`);
  const node = join(kept, 'bin/node');
  if (existsSync(node)) return node;
  const work = await mkdtemp(join(await made(join(repository, 'build/out/runtimes')), 'work-'));
  try {
    const pack = ['pack', `${name}@${version}`, '--pack-destination', work, '--silent'];
    const archive = execFileSync('npm', pack, { cwd: repository, encoding: 'utf8' }).trim();
    await checkIntegrity(join(work, archive), integrity);
    execFileSync('tar', ['-xzf', join(work, archive), '-C', work, 'package/bin/node', 'package/LICENSE']);
    await rm(kept, { recursive: true, force: true });
    await rename(join(work, 'package'), kept);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return node;
}

/** The licence of a runtime, and of all that is compiled into it. */
export function runtimeLicence(node: string): Promise<string> {
  return readFile(join(node, '../../LICENSE'), 'utf8');
}

interface Locked {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

async function lockedRuntime(target: Target): Promise<Locked> {
  const lock = JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8'));
  return lock.packages[`node_modules/node24-${target}`];
}

async function checkIntegrity(file: string, integrity: string): Promise<void> {
  const sum = `sha512-${createHash('sha512')
    .update(await readFile(file))
    .digest('base64')}`;
  if (sum !== integrity) throw new Error(`${file} is not what package-lock.json names: ${sum}, not ${integrity}`);
}

async function made(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  return directory;
}
