import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeRepository } from './apt/repository.ts';
import { makeBinary } from './program/binary.ts';
import { bundleProgram } from './bundle/bundle-program.ts';
import { makePackage } from './deb/package.ts';
import { makeNpmPackage } from './npm/package.ts';
import { makeImage } from './oci/image.ts';
import { bundledPackages } from './contents/packages.ts';
import { releaseDate } from './release-date.ts';
import { makeRpm } from './rpm/package.ts';
import { runtimeLicence, runtimeOf } from './program/runtime.ts';
import { licencesOf, sbomOf } from './contents/sbom.ts';
import { publicPem, releaseKey, writeSums } from './sums.ts';
import { architectures, hostTarget, type PackageKind, type Target } from './targets.ts';

export interface MakeOptions {
  readonly out: string;
  /** Binaries named by their target; one for this machine, without a name, when undefined. */
  readonly targets: readonly Target[] | undefined;
  /** Further targets to make from the binaries. `apt` is a repository of the Debian packages. */
  readonly packages: ReadonlySet<PackageKind>;
  readonly version: string;
}

const maintainer = 'mco-deploy maintainers <mco-deploy@devco.net>';

/** The build results, by path: files are listed in SHA256SUMS, directories are not. */
export interface Made {
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

/** Makes a release, or the part of it that is asked for, and lists its files in SHA256SUMS. */
export async function make(options: MakeOptions): Promise<Made> {
  const { out } = options;
  await mkdir(out, { recursive: true });
  // Each build works in its own directory and renames at the end: two at a time do no harm.
  const work = await mkdtemp(join(out, 'work-'));
  try {
    const key = await releaseKey();
    const { files, directories } = await makeAll(options, work, publicPem(key));
    await writeSums(work, files, key);
    await rm(join(out, 'SHA256SUMS.sig'), { force: true });
    for (const name of directories) await rm(join(out, name), { recursive: true, force: true });
    const sums = key === undefined ? ['SHA256SUMS'] : ['SHA256SUMS', 'SHA256SUMS.sig'];
    for (const name of [...files, ...directories, ...sums]) await rename(join(work, name), join(out, name));
    return { files: [...files, ...sums], directories };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function makeAll(options: MakeOptions, work: string, releaseKeyPem: string): Promise<Made> {
  const { targets, packages, version } = options;
  const parts = join(work, 'bundle');
  const bundled = await bundledPackages(await bundleProgram(parts, version, releaseKeyPem));
  const date = releaseDate();
  const sbom = sbomOf({ version, date, packages: bundled, runtime: process.versions });
  const licences = licencesOf(bundled, process.versions.node, await runtimeLicence(process.execPath));
  await writeFile(join(work, 'mco-deploy.cdx.json'), sbom);
  await writeFile(join(work, 'THIRD-PARTY-LICENCES.txt'), licences);
  const contents: Contents = { version, date, sbom, licences, directory: work };
  const files = ['mco-deploy.cdx.json', 'THIRD-PARTY-LICENCES.txt'];
  const directories = ['bundle'];
  for (const target of targets ?? [hostTarget]) {
    const name = targets === undefined ? 'mco-deploy' : `mco-deploy-${target}`;
    const binary = join(work, name);
    await makeBinary({ parts, runtime: await runtimeOf(target), binary, work: await mkdtemp(join(work, 'binary-')) });
    files.push(name, ...(await packBinary(binary, target, packages, contents)));
    if (packages.has('image') && target === hostTarget) directories.push(await makeImageOf(binary, contents));
  }
  if (packages.has('npm')) files.push(await packNpm(releaseKeyPem, contents));
  if (packages.has('apt')) directories.push(await makeApt(files, targets ?? [hostTarget], contents));
  return { files, directories };
}

interface Contents {
  readonly version: string;
  readonly date: number;
  readonly sbom: string;
  readonly licences: string;
  /** The directory of the packages. */
  readonly directory: string;
}

/** @returns the names of the packages' files */
async function packBinary(
  binary: string,
  target: Target,
  kinds: ReadonlySet<PackageKind>,
  { directory, ...contents }: Contents,
): Promise<string[]> {
  const { deb, rpm } = architectures[target];
  const names: string[] = [];
  if (kinds.has('deb') || kinds.has('apt')) {
    const name = `mco-deploy_${contents.version}_${deb}.deb`;
    const work = await mkdtemp(join(directory, 'deb-'));
    const file = join(directory, name);
    await makePackage({ ...contents, binary, architecture: deb, maintainer, work, file, compression: 'xz' });
    names.push(name);
  }
  if (kinds.has('rpm')) {
    const name = `mco-deploy-${contents.version}-1.${rpm}.rpm`;
    const work = await mkdtemp(join(directory, 'rpm-'));
    const file = join(directory, name);
    await makeRpm({ ...contents, binary, architecture: rpm, maintainer, work, file, compression: 'zstd' });
    names.push(name);
  }
  return names;
}

async function makeImageOf(binary: string, { version, date, directory }: Contents): Promise<string> {
  const name = 'mco-deploy-image';
  const work = await mkdtemp(join(directory, 'image-'));
  const { deb: architecture } = architectures[hostTarget];
  await makeImage({ binary, architecture, version, date, work, directory: join(directory, name) });
  return name;
}

async function packNpm(releaseKeyPem: string, { version, licences, directory }: Contents): Promise<string> {
  const name = `mco-deploy-${version}.tgz`;
  const work = await mkdtemp(join(directory, 'npm-'));
  // Includes the files that programs import, which the binary does not need.
  const parts = await mkdtemp(join(directory, 'npm-parts-'));
  await bundleProgram(parts, version, releaseKeyPem, true);
  await makeNpmPackage({ parts, version, licences, work, file: join(directory, name) });
  return name;
}

async function makeApt(files: readonly string[], targets: readonly Target[], contents: Contents): Promise<string> {
  const key = process.env.MCO_APT_KEY ?? '';
  if (key === '')
    throw new Error('the apt repository needs a key: name the file of an OpenPGP secret key in MCO_APT_KEY');
  const { date, directory } = contents;
  const packages = files.filter((name) => name.endsWith('.deb')).map((name) => join(directory, name));
  const names = targets.map((target) => architectures[target].deb);
  await makeRepository({ packages, architectures: names, key, date, directory: join(directory, 'apt') });
  return 'apt';
}
