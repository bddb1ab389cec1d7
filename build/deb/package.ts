import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startingFiles } from '../../src/ca/starting-files.ts';
import { scripts } from '../../src/client/completion/scripts.ts';
import { debianChangelog } from './changelog.ts';
import { projectManual } from './project-manual.ts';

export interface PackageOptions {
  readonly binary: string;
  readonly architecture: 'amd64' | 'arm64';
  readonly version: string;
  /** Seconds since the epoch. */
  readonly date: number;
  readonly maintainer: string;
  readonly sbom: string;
  readonly licences: string;
  /** An empty directory to lay the package out in. */
  readonly work: string;
  readonly file: string;
  /** How dpkg-deb compresses it; quickest is “none”. */
  readonly compression: 'xz' | 'none';
}

/** Makes a Debian package of the binary, by the Debian Policy Manual 4.6. */
export async function makePackage(options: PackageOptions): Promise<void> {
  const { binary, version, date, maintainer, sbom, licences, work, file, compression } = options;
  const doc = 'usr/share/doc/mco-deploy';
  const own = (name: string) => readFile(join(import.meta.dirname, 'files', name), 'utf8');
  const nodeYaml = startingFiles({ kind: 'node', name: 'node.example.net' }).find(({ path }) => path === 'node.yaml');
  const texts: Readonly<Record<string, string | Buffer>> = {
    'usr/lib/systemd/system/mco-deploy.service': await own('mco-deploy.service'),
    'etc/polkit-1/rules.d/50-mco-deploy.rules': await own('50-mco-deploy.rules'),
    'usr/share/bash-completion/completions/mco-deploy': scripts.bash,
    'usr/share/zsh/vendor-completions/_mco-deploy': scripts.zsh,
    'usr/share/fish/vendor_completions.d/mco-deploy.fish': scripts.fish,
    'usr/share/man/man1/mco-deploy.1.gz': zipped(await projectManual(version, date)),
    [`${doc}/copyright`]: await own('copyright'),
    [`${doc}/changelog.gz`]: zipped(await debianChangelog({ version, date, maintainer })),
    [`${doc}/third-party-licences.gz`]: zipped(licences),
    [`${doc}/mco-deploy.cdx.json.gz`]: zipped(sbom),
    [`${doc}/examples/node.yaml`]: String(nodeYaml?.content),
    [`${doc}/examples/appmgr.conf`]: await own('appmgr.conf'),
    'usr/share/lintian/overrides/mco-deploy': await own('lintian-overrides'),
    'DEBIAN/conffiles': '/etc/polkit-1/rules.d/50-mco-deploy.rules\n',
  };
  const directories = ['policies', 'facts.d', 'agents.d', 'plugin.d'].map((name) => `etc/mco-deploy/${name}`);
  for (const directory of [...directories, 'var/lib/mco-deploy', 'var/log/mco-deploy'])
    await makeDirectory(work, directory);
  for (const [path, content] of Object.entries(texts)) await put(work, path, content, 0o644);
  for (const script of ['postinst', 'prerm', 'postrm']) await put(work, `DEBIAN/${script}`, await own(script), 0o755);
  await makeDirectory(work, 'usr/bin');
  await copyFile(binary, join(work, 'usr/bin/mco-deploy'));
  await chmod(join(work, 'usr/bin/mco-deploy'), 0o755);
  await put(work, 'DEBIAN/md5sums', await md5sums(work), 0o644);
  await put(work, 'DEBIAN/control', control(options, await sizeOf(work)), 0o644);
  const env = { PATH: process.env.PATH, SOURCE_DATE_EPOCH: String(date) };
  const build = ['--root-owner-group', `-Z${compression}`, '-z1', '--threads-max=2', '--build', work, file];
  execFileSync('dpkg-deb', build, { env, stdio: 'pipe' });
}

function control({ architecture, version, maintainer }: PackageOptions, kilobytes: number): string {
  return `Package: mco-deploy
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 5.2), adduser, init-system-helpers (>= 1.54)
Recommends: polkitd
Section: admin
Priority: optional
Description: deploys web applications over many machines in real time
 mco-deploy takes the servers of a cluster out of their load balancer, brings
 them to another release, checks them and puts them back, in about a second and
 without losing a request. Every node runs one daemon, which alone decides who
 may do what, over mutual TLS and with every request signed and written to an
 audit log; there is no broker, no master and no SSH at run time.
 .
 The package has the daemon and the client, which are one program.
`;
}

async function put(root: string, path: string, content: string | Buffer, mode: number): Promise<void> {
  await makeDirectory(root, dirname(path));
  await writeFile(join(root, path), content);
  await chmod(join(root, path), mode);
}

/** With modes that do not depend on who builds. */
async function makeDirectory(root: string, path: string): Promise<void> {
  let at = root;
  for (const name of ['.', ...path.split('/')]) {
    at = join(at, name);
    await mkdir(at, { recursive: true });
    await chmod(at, 0o755);
  }
}

/** For `dpkg --verify`. */
async function md5sums(root: string): Promise<string> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((one) => one.isFile()).map((one) => relative(root, join(one.parentPath, one.name)));
  const sum = async (file: string) =>
    createHash('md5')
      .update(await readFile(join(root, file)))
      .digest('hex');
  const listed = files.filter((file) => !/^(DEBIAN|etc)\//.test(file)).sort();
  return (await Promise.all(listed.map(async (file) => `${await sum(file)}  ${file}\n`))).join('');
}

function zipped(text: string): Buffer {
  return gzipSync(text, { level: 9 });
}

async function sizeOf(root: string): Promise<number> {
  const names = await readdir(root, { recursive: true });
  const stats = await Promise.all(names.map((name) => stat(join(root, name))));
  return stats.reduce((sum, one) => sum + (one.isFile() ? Math.ceil(one.size / 1024) : 1), 0);
}
