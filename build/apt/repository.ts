import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface RepositoryOptions {
  /** Debian packages, of any of the architectures. */
  readonly packages: readonly string[];
  readonly architectures: readonly string[];
  /** File of the OpenPGP secret key (armored) that signs the repository. */
  readonly key: string;
  /** Seconds since the epoch. */
  readonly date: number;
  /** Becomes the repository: any web server can serve it. */
  readonly directory: string;
}

const suite = 'stable';
const component = 'main';
const pool = `pool/${component}/m/mco-deploy`;

/** Lays out a signed apt repository (Debian wiki, “DebianRepository/Format”), with the public key beside it as `mco-deploy.asc`. */
export async function makeRepository({
  packages,
  architectures,
  key,
  date,
  directory,
}: RepositoryOptions): Promise<void> {
  await mkdir(join(directory, pool), { recursive: true });
  for (const file of packages) await copyFile(file, join(directory, pool, basename(file)));
  for (const architecture of architectures) await writeIndex(directory, architecture);
  const release = join(directory, 'dists', suite);
  const fields = {
    Origin: 'mco-deploy',
    Label: 'mco-deploy',
    Suite: suite,
    Codename: suite,
    Components: component,
    Architectures: architectures.join(' '),
    Date: new Date(date * 1000).toUTCString().replace('GMT', 'UTC'),
  };
  const settings = Object.entries(fields).flatMap(([name, value]) => [
    '-o',
    `APT::FTPArchive::Release::${name}=${value}`,
  ]);
  const text = execFileSync('apt-ftparchive', [...settings, 'release', '.'], { cwd: release, encoding: 'utf8' });
  await writeFile(join(release, 'Release'), text);
  await sign(join(release, 'Release'), key, join(directory, 'mco-deploy.asc'));
}

async function writeIndex(directory: string, architecture: string): Promise<void> {
  const words = ['--arch', architecture, 'packages', pool];
  const index = execFileSync('apt-ftparchive', words, { cwd: directory, encoding: 'utf8' });
  const place = join(directory, 'dists', suite, component, `binary-${architecture}`);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'Packages'), index);
  await writeFile(join(place, 'Packages.gz'), gzipSync(index, { level: 9 }));
}

/** Writes InRelease and Release.gpg beside the file. The key is in its own keyring, which goes away afterwards. */
async function sign(file: string, key: string, publicKey: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'mco-gpg-'));
  const gpg = (...words: string[]) =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--yes', ...words], { stdio: 'pipe' });
  try {
    gpg('--import', key);
    gpg('--armor', '--clearsign', '--output', file.replace(/Release$/, 'InRelease'), file);
    gpg('--armor', '--detach-sign', '--output', `${file}.gpg`, file);
    await writeFile(publicKey, gpg('--armor', '--export'));
    if ((await readFile(publicKey)).length === 0) throw new Error(`${key} holds no OpenPGP key`);
  } finally {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'ignore' });
    await rm(home, { recursive: true, force: true });
  }
}
