import { execFile, execFileSync } from 'node:child_process';
import { chmod, copyFile, cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** The Debian packages whose files the image holds: what the program links, the names of users and time zones, and a shell for CI jobs. */
const imagePackages = ['base-files', 'libc6', 'libgcc-s1', 'libstdc++6', 'tzdata', 'busybox-static'] as const;

/** The user of GitHub's runners: a job's files belong to it. */
export const imageUser = { id: 1001, name: 'mco-deploy', home: '/home/mco-deploy' } as const;

/** Lays out the files of the image below `root`: Debian's own, fetched with apt-get, and the program. */
export async function layOutImageRoot(root: string, binary: string, work: string): Promise<void> {
  await unpackDebian(root, work);
  await mkdir(join(root, 'usr/bin'), { recursive: true });
  await copyFile(binary, join(root, 'usr/bin/mco-deploy'));
  await chmod(join(root, 'usr/bin/mco-deploy'), 0o755);
  await linkApplets(root);
  const { id, name, home } = imageUser;
  // CI systems run jobs as a user of their choice: each may write there.
  await mkdir(join(root, home), { recursive: true });
  await chmod(join(root, home), 0o1777);
  await mkdir(join(root, 'tmp'), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  await writeFile(join(root, 'etc/passwd'), `root:x:0:0:root:/root:/bin/sh\n${name}:x:${id}:${id}::${home}:/bin/sh\n`);
  await writeFile(join(root, 'etc/group'), `root:x:0:\n${name}:x:${id}:\n`);
}

async function unpackDebian(root: string, work: string): Promise<void> {
  const downloads = join(work, 'downloads');
  await mkdir(downloads);
  // apt's own user can't write where only the builder may.
  const words = ['-o', 'APT::Sandbox::User=root', '--quiet=2', 'download', ...imagePackages];
  await promisify(execFile)('apt-get', words, { cwd: downloads });
  const unpacked = join(work, 'unpacked');
  for (const file of (await readdir(downloads)).sort())
    execFileSync('dpkg-deb', ['-x', join(downloads, file), unpacked]);
  // Manual pages and the like are of no use in there; the licences stay.
  await cp(unpacked, root, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !/\/usr\/share\/(man|info|locale|lintian|bug)$/.test(path),
  });
  await mergeUsr(root);
}

/** As on any Debian since 12: /bin, /lib and /lib64 are links into /usr. */
async function mergeUsr(root: string): Promise<void> {
  for (const name of ['bin', 'lib', 'lib64']) {
    const place = join(root, name);
    const merged = join(root, 'usr', name);
    await mkdir(merged, { recursive: true });
    execFileSync('sh', ['-eu', '-c', 'if [ -d "$1" ]; then cp -a "$1/." "$2/"; rm -r "$1"; fi', 'sh', place, merged]);
    await symlink(`usr/${name}`, place);
  }
}

async function linkApplets(root: string): Promise<void> {
  const applets = execFileSync(join(root, 'usr/bin/busybox'), ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const applet of applets) {
    const place = join(root, 'usr/bin', applet);
    await mkdir(dirname(place), { recursive: true });
    await symlink('busybox', place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}
