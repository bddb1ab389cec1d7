import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { description, layOutSystem, type PackageContents, polkitRules, put, summary, zipped } from '../system/tree.ts';
import { debianChangelog } from './changelog.ts';

export interface PackageOptions extends PackageContents {
  readonly architecture: 'amd64' | 'arm64';
  readonly maintainer: string;
  /** An empty directory to lay the package out in. */
  readonly work: string;
  readonly file: string;
  /** How dpkg-deb compresses it; quickest is “none”. */
  readonly compression: 'xz' | 'none';
}

/** Makes a Debian package of the binary, by the Debian Policy Manual 4.6. */
export async function makePackage(options: PackageOptions): Promise<void> {
  const { version, date, maintainer, work, file, compression } = options;
  const doc = 'usr/share/doc/mco-deploy';
  const own = (name: string) => readFile(join(import.meta.dirname, 'files', name), 'utf8');
  await layOutSystem(work, options, { doc, zshCompletion: 'usr/share/zsh/vendor-completions/_mco-deploy' });
  const texts: Readonly<Record<string, string | Buffer>> = {
    [`${doc}/copyright`]: await own('copyright'),
    [`${doc}/changelog.gz`]: zipped(await debianChangelog({ version, date, maintainer })),
    'usr/share/lintian/overrides/mco-deploy': await own('lintian-overrides'),
    'DEBIAN/conffiles': `/${polkitRules}\n`,
  };
  for (const [path, content] of Object.entries(texts)) await put(work, path, content, 0o644);
  for (const script of ['postinst', 'prerm', 'postrm']) await put(work, `DEBIAN/${script}`, await own(script), 0o755);
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
Description: ${summary}
${description.map((line) => ` ${line}\n`).join('')} .
 The package has the daemon and the client, which are one program.
`;
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

async function sizeOf(root: string): Promise<number> {
  const names = await readdir(root, { recursive: true });
  const stats = await Promise.all(names.map((name) => stat(join(root, name))));
  return stats.reduce((sum, one) => sum + (one.isFile() ? Math.ceil(one.size / 1024) : 1), 0);
}
