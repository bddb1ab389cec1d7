import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeBinary } from './binary.ts';
import { bundleProgram } from './bundle-program.ts';
import { makePackage } from './deb/package.ts';
import { bundledPackages } from './packages.ts';
import { releaseDate } from './release-date.ts';
import { runtimeLicence, runtimeOf } from './runtime.ts';
import { licencesOf, sbomOf } from './sbom.ts';
import { publicPem, releaseKey, writeSums } from './sums.ts';
import { hostTarget, type Target } from './targets.ts';

export interface MakeOptions {
  readonly out: string;
  /** Binaries named by their target; one for this machine, without a name, when undefined. */
  readonly targets: readonly Target[] | undefined;
  /** Makes Debian packages of the binaries, too. */
  readonly packages: boolean;
  readonly version: string;
}

const maintainer = 'mco-deploy maintainers <mco-deploy@devco.net>';
const architectures = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' } as const;

/** Makes a release, or the part of it that is asked for, and names it all in SHA256SUMS. */
export async function make(options: MakeOptions): Promise<void> {
  const { out } = options;
  await mkdir(out, { recursive: true });
  // Each build works in a directory of its own and renames at the end: two at a time do no harm.
  const work = await mkdtemp(join(out, 'work-'));
  try {
    const key = await releaseKey();
    const made = await makeFiles(options, work, publicPem(key));
    await writeSums(work, made, key);
    await rm(join(out, 'SHA256SUMS.sig'), { force: true });
    await rm(join(out, 'bundle'), { recursive: true, force: true });
    const sums = key === undefined ? ['SHA256SUMS'] : ['SHA256SUMS', 'SHA256SUMS.sig'];
    for (const name of [...made, 'bundle', ...sums]) await rename(join(work, name), join(out, name));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** @returns the names of the files that are to be published */
async function makeFiles(options: MakeOptions, work: string, releaseKeyPem: string): Promise<string[]> {
  const { targets, packages, version } = options;
  const parts = join(work, 'bundle');
  const contents = await bundleProgram(parts, version, releaseKeyPem);
  const bundled = await bundledPackages(contents);
  const date = releaseDate();
  const sbom = sbomOf({ version, date, packages: bundled, runtime: process.versions });
  const licences = licencesOf(bundled, process.versions.node, await runtimeLicence(process.execPath));
  await writeFile(join(work, 'mco-deploy.cdx.json'), sbom);
  await writeFile(join(work, 'THIRD-PARTY-LICENCES.txt'), licences);
  const made = ['mco-deploy.cdx.json', 'THIRD-PARTY-LICENCES.txt'];
  for (const target of targets ?? [hostTarget]) {
    const name = targets === undefined ? 'mco-deploy' : `mco-deploy-${target}`;
    const binary = join(work, name);
    await makeBinary({ parts, runtime: await runtimeOf(target), binary, work: await mkdtemp(join(work, 'binary-')) });
    made.push(name);
    if (packages) made.push(await packBinary(binary, target, { version, date, sbom, licences, directory: work }));
  }
  return made;
}

interface Contents {
  readonly version: string;
  readonly date: number;
  readonly sbom: string;
  readonly licences: string;
  /** Where the package goes. */
  readonly directory: string;
}

/** @returns the name of the package's file */
async function packBinary(binary: string, target: Target, { directory, ...contents }: Contents): Promise<string> {
  const architecture = architectures[target];
  const name = `mco-deploy_${contents.version}_${architecture}.deb`;
  const work = await mkdtemp(join(directory, 'package-'));
  const file = join(directory, name);
  await makePackage({ ...contents, binary, architecture, maintainer, work, file, compression: 'xz' });
  return name;
}
