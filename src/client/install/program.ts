import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { isSea } from 'node:sea';
import { promisify } from 'node:util';
import { explainErrno, Problem } from '../../core/errors.ts';

/** The program for the hosts: this program as one file, or a Debian package of it. */
export interface Program {
  readonly form: 'binary' | 'package';
  readonly file: string;
  readonly size: number;
  readonly sha256: string;
  /** The name in `uname -m`. */
  readonly machine: string;
  /** A package’s own. */
  readonly version: string;
}

/** The package for Debian hosts with systemd, whose daemon does not run as root; `none` if there is none here. */
export type DebianProgram = Program | 'none';

/** The path of the program in a package. */
export const packagedProgram = '/usr/bin/mco-deploy';

/** ELF’s e_machine (elf(5)) and Debian’s architectures, by their names in `uname -m`. */
const elfMachines: Readonly<Record<number, string>> = { 62: 'x86_64', 183: 'aarch64' };
const debianMachines: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

/**
 * @param own the file that is running
 * @throws Problem `usage`, `unreadable-file`, `bad-program`
 */
export async function openProgram(
  options: { readonly binary?: string; readonly package?: string },
  own: string,
): Promise<Program> {
  if (options.binary !== undefined && options.package !== undefined) {
    throw new Problem('usage', '--binary and --package cannot be combined', 'give one of them');
  }
  if (options.package !== undefined) return openPackage(options.package);
  if (options.binary === undefined && !isSea()) {
    throw new Problem('usage', 'this program runs from source', 'name a built program with --binary FILE');
  }
  return openBinary(options.binary ?? own);
}

async function openBinary(file: string): Promise<Program> {
  const header = await headerOf(file);
  const machine = elfMachines[header.readUInt16LE(18)];
  if (header.toString('latin1', 0, 4) !== '\x7fELF' || machine === undefined) {
    throw new Problem(
      'bad-program',
      `${file} is not a Linux program for x86_64 or aarch64`,
      'build one with npm run build',
    );
  }
  return { form: 'binary', file, machine, version: '', ...(await measure(file)) };
}

async function openPackage(file: string): Promise<Program> {
  await headerOf(file);
  const field = async (name: string) => {
    try {
      return (await promisify(execFile)('dpkg-deb', ['--field', file, name])).stdout.trim();
    } catch (cause) {
      throw new Problem('bad-program', `${file} cannot be read by dpkg-deb`, 'is it a Debian package?', { cause });
    }
  };
  const [name, version, architecture] = [await field('Package'), await field('Version'), await field('Architecture')];
  const machine = debianMachines[architecture];
  if (name !== 'mco-deploy' || machine === undefined) {
    throw new Problem('bad-program', `${file} is a package of ${name} for ${architecture}, not of mco-deploy`);
  }
  return { form: 'package', file, machine, version, ...(await measure(file)) };
}

async function headerOf(file: string): Promise<Buffer> {
  try {
    const handle = await open(file, 'r');
    try {
      return (await handle.read(Buffer.alloc(64), 0, 64, 0)).buffer;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new Problem('unreadable-file', `the program ${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

async function measure(file: string): Promise<Pick<Program, 'size' | 'sha256'>> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return { size: (await stat(file)).size, sha256: hash.digest('hex') };
}
