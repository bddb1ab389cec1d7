import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  configDirectories,
  description,
  layOutSystem,
  type PackageContents,
  polkitRules,
  summary,
} from '../system/tree.ts';

export interface RpmOptions extends PackageContents {
  readonly architecture: 'x86_64' | 'aarch64';
  readonly maintainer: string;
  /** An empty directory to build in. */
  readonly work: string;
  readonly file: string;
  /** How the payload is compressed (rpm's `_binary_payload`); quickest is “none”. */
  readonly compression: 'zstd' | 'none';
}

const payloads = { zstd: 'w3.zstdio', none: 'w0.gzdio' } as const;
const doc = 'usr/share/doc/mco-deploy';

/** Makes an RPM package of the binary with rpmbuild(8), for systems with systemd and glibc 2.28 or newer (RHEL 8 and its like). */
export async function makeRpm(options: RpmOptions): Promise<void> {
  const { architecture, work, file, compression, date } = options;
  const tree = join(work, 'tree');
  await layOutSystem(tree, options, { doc, zshCompletion: 'usr/share/zsh/site-functions/_mco-deploy' });
  const spec = join(work, 'mco-deploy.spec');
  await writeFile(spec, await specOf(options));
  const defines = {
    _topdir: join(work, 'top'),
    _tree: tree,
    _binary_payload: payloads[compression],
    _build_name_fmt: 'package.rpm',
    // rpm would strip the program, and with it the code that the runtime carries.
    __os_install_post: '%{nil}',
    debug_package: '%{nil}',
    _build_id_links: 'none',
    _buildhost: 'mco-deploy',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
  };
  const words = Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await mkdir(join(work, 'top'));
  execFileSync('rpmbuild', ['-bb', '--quiet', '--target', `${architecture}-linux`, ...words, spec], {
    env: { PATH: process.env.PATH, HOME: work, SOURCE_DATE_EPOCH: String(date) },
    stdio: 'pipe',
  });
  await rename(join(work, 'top/RPMS/package.rpm'), file);
  await rm(join(work, 'top'), { recursive: true });
}

async function specOf({ version, date, maintainer }: RpmOptions): Promise<string> {
  const scriptlets = join(import.meta.dirname, 'files');
  const names = (await readdir(scriptlets)).filter((name) => !name.includes('.')).sort();
  const sections = names.map(async (name) => `%${name}\n${await readFile(join(scriptlets, name), 'utf8')}`);
  return `Name: mco-deploy
Version: ${rpmVersion(version)}
Release: 1
Summary: ${summary[0]?.toUpperCase()}${summary.slice(1)}
License: Apache-2.0
Group: System/Management
URL: https://devco.net/mco-deploy
Packager: ${maintainer}
AutoReqProv: no
Requires: glibc >= 2.28
Requires: libstdc++
Requires: libgcc
Requires: systemd
Requires(pre): shadow-utils
Recommends: polkit

%description
${description.join('\n')}

The package has the daemon and the client, which are one program.

%install
mkdir -p %{buildroot}
cp -a %{_tree}/. %{buildroot}/

${(await Promise.all(sections)).join('\n')}
%files
/usr/bin/mco-deploy
/usr/lib/systemd/system/mco-deploy.service
/usr/lib/systemd/system/mco-deploy-config.socket
/usr/lib/systemd/system/mco-deploy-config@.service
%config(noreplace) /${polkitRules}
/usr/share/bash-completion/completions/mco-deploy
/usr/share/zsh/site-functions/_mco-deploy
/usr/share/fish/vendor_completions.d/mco-deploy.fish
%doc /${doc}
%doc /usr/share/man/man1/mco-deploy.1.gz
%dir %attr(0750,root,mco-deploy) /etc/mco-deploy
${configDirectories.map((name) => `%dir %attr(0755,root,root) /etc/mco-deploy/${name}`).join('\n')}
%dir %attr(0700,mco-deploy,mco-deploy) /var/lib/mco-deploy
%dir %attr(0750,mco-deploy,mco-deploy) /var/log/mco-deploy

%changelog
* ${changelogDay(date)} ${maintainer} - ${rpmVersion(version)}-1
- See CHANGELOG.md of the project.
`;
}

/** A hyphen ends rpm's version; a pre-release sorts before its release with a tilde. */
function rpmVersion(version: string): string {
  return version.replaceAll('-', '~');
}

/** The format of rpm: Sat Nov 28 2026. */
function changelogDay(date: number): string {
  const [day, number, month, year] = new Date(date * 1000).toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${number} ${year}`;
}
