import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { InstallHostOptions } from './install-options.ts';
import { type DebianProgram, openProgram, type Program, packagedProgram } from './program.ts';
import { parseLines } from './scripts.ts';
import { runOrThrow, type Remote } from './ssh.ts';

const packageName = /^mco-deploy_[^_]+_(amd64|arm64)\.deb$/;

/** The package beside the program, as in a release. @param own the file that is running */
export async function findPackage(own: string, { machine }: Program): Promise<DebianProgram> {
  const directory = dirname(own);
  const names = (await readdir(directory).catch((): string[] => [])).filter((name) => packageName.test(name));
  const found = await Promise.all(
    names.map((name) => openProgram({ package: join(directory, name) }, own).catch(() => undefined)),
  );
  const fitting = found.filter((program) => program?.machine === machine);
  const [only] = fitting;
  return only !== undefined && fitting.length === 1 ? only : 'none';
}

/** Whether a package can be installed, and a service of systemd run from it. Changes nothing. */
const debianScript = `
if command -v dpkg >/dev/null && [ -d /run/systemd/system ] && [ -f /etc/debian_version ]; then echo debian=yes; fi
`;

/**
 * The options for a host: on Debian with systemd the package, if nobody named a program.
 * @returns also a warning, if the daemon will run as root
 */
export async function fitToHost(
  options: InstallHostOptions,
  remote: Remote,
): Promise<{ readonly options: InstallHostOptions; readonly warnings: readonly string[] }> {
  const { debian, desired, service } = options;
  if (debian === undefined || (service !== undefined && service !== 'systemd')) return { options, warnings: [] };
  const out = await runOrThrow(remote, { purpose: 'check the system', text: debianScript, values: [] }, false);
  if (parseLines(out)('debian')[0] !== 'yes') return { options, warnings: [] };
  if (debian === 'none') {
    const what = 'the daemon runs as root: put mco-deploy_VERSION_ARCH.deb beside this program, or give --package';
    return { options, warnings: [what] };
  }
  const paths = { ...desired.paths, program: packagedProgram, staging: '/var/tmp' };
  return { options: { ...options, program: debian, desired: { ...desired, paths } }, warnings: [] };
}
