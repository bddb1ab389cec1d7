import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { repository } from '../bundle/bundle.ts';

/** An npm package of which something is in the program. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  /** The sum of its archive, as in package-lock.json: sha512-BASE64. */
  readonly integrity: string | undefined;
  /** The texts of its licence and notices. */
  readonly texts: readonly string[];
}

/** The packages whose files went into the bundle, by name and version. @throws Error for one without a licence */
export async function bundledPackages({ inputs }: Metafile): Promise<BundledPackage[]> {
  const lock = JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8'));
  const found = Object.keys(inputs).flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []);
  const directories = [...new Set(found)].sort();
  return await Promise.all(directories.map((directory) => readPackage(directory, lock.packages[directory])));
}

async function readPackage(directory: string, locked: { integrity?: string } | undefined): Promise<BundledPackage> {
  const at = join(repository, directory);
  const { name, version, license } = JSON.parse(await readFile(join(at, 'package.json'), 'utf8'));
  if (typeof license !== 'string') throw new Error(`${directory} names no licence`);
  const files = (await readdir(at)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(at, file), 'utf8')));
  return { name, version, license, integrity: locked?.integrity, texts };
}
