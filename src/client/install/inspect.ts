import type { X509Certificate } from 'node:crypto';
import { pemBlocks } from '../../core/credentials/credentials.ts';
import { rememberIssuers } from '../../core/credentials/issuers.ts';
import { parseCertificate } from '../../core/credentials/certificate.ts';
import { proveCertificate } from '../../core/credentials/proof.ts';
import { Problem } from '../../core/errors.ts';
import { count } from '../../core/text.ts';
import type { Program } from './program.ts';
import { parseLines } from './scripts.ts';
import type { FileState } from './files/plan-files.ts';

/** The state of a host, before anything is done. */
export interface HostInspection {
  readonly system: string;
  readonly machine: string;
  /** Milliseconds that its clock is ahead of ours. */
  readonly ahead: number;
  readonly systemd: boolean;
  readonly root: boolean;
  /** Whether root’s rights are available. */
  readonly sudo: boolean;
  readonly writable: ReadonlySet<string>;
  /** The free bytes of the fullest disk. */
  readonly free: number;
}

/** The installed files; texts are empty if a file is missing. */
export interface Installed {
  readonly program: string;
  readonly packageVersion: string;
  readonly certificate: string;
  readonly ca: string;
  readonly key: boolean;
  readonly listening: boolean;
  /** Of the requested paths, in their order. */
  readonly files: readonly FileState[];
  /** As {@link parseManifest} reads it. */
  readonly manifest: string;
  /** Requested directories that do not exist. */
  readonly missing: readonly string[];
  /** Groups of the requested sockets; empty if there is none. */
  readonly groups: readonly string[];
}

export function parseInspection(text: string, now: number): HostInspection {
  const values = parseLines(text);
  const one = (name: string) => values(name)[0] ?? '';
  return {
    system: one('system'),
    machine: one('machine'),
    ahead: Number(one('clock')) * 1000 - now,
    systemd: one('systemd') === 'yes',
    root: one('uid') === '0',
    sudo: one('sudo') === 'yes',
    writable: new Set(values('writable')),
    free: Math.min(...values('free').map(Number)) * 1024,
  };
}

export function parseInstalled(text: string): Installed {
  const values = parseLines(text);
  const one = (name: string) => values(name)[0] ?? '';
  const decode = (text: string) => Buffer.from(text, 'base64').toString('utf8');
  const decoded = (name: string) => decode(one(name));
  return {
    program: one('program'),
    packageVersion: one('package'),
    certificate: decoded('certificate'),
    ca: decoded('ca'),
    key: one('key') === 'yes',
    listening: one('listening') === 'yes',
    files: values('sum').map((sum, index) => ({ sum, text: decode(values('content')[index] ?? '') })),
    manifest: decoded('manifest'),
    missing: values('missing'),
    groups: values('group'),
  };
}

/** Milliseconds that a clock may be off: certificates are dated back by some minutes, requests have ten seconds. */
const clockBounds = { refused: 5 * 60_000, warned: 10_000 };

/**
 * Whether the host can be installed, and whether that needs root’s rights.
 * @throws Problem `wrong-system`, `wrong-architecture`, `clock-off`, `read-only`, `needs-root`, `no-space`
 */
export function judgeHost(
  look: HostInspection,
  program: Program,
  directories: readonly string[],
): { asRoot: boolean; warnings: string[] } {
  if (look.system !== 'Linux') throw new Problem('wrong-system', `it runs ${look.system || 'no Unix'}, not Linux`);
  if (look.machine !== program.machine) {
    const what = `its processor is ${look.machine}, the program is for ${program.machine}`;
    throw new Problem('wrong-architecture', what, `name one for ${look.machine} with --binary or --package`);
  }
  if (!(Math.abs(look.ahead) <= clockBounds.refused)) {
    const what = `its clock is ${durationWords(look.ahead)}: no certificate would be valid there`;
    throw new Problem('clock-off', what, 'set it (timedatectl set-ntp true), then install');
  }
  const closed = directories.filter((directory) => !look.writable.has(directory));
  const asRoot = !look.root && (closed.length > 0 || program.form === 'package');
  if (look.root && closed.length > 0) {
    throw new Problem(
      'read-only',
      `${closed[0]} cannot be written even by root: its file system is read-only`,
      'mount it writable',
    );
  }
  if (asRoot && !look.sudo) {
    const what = `the login user may not write to ${closed[0] ?? 'the system'}, and sudo asks for a password`;
    throw new Problem('needs-root', what, 'install as root@host, or allow sudo without a password for now');
  }
  // Twice: the old program stays until the new one is in place.
  if (look.free < program.size * 2) {
    const [free, needed] = [look.free, program.size * 2].map((bytes) => `${Math.round(bytes / 1024 / 1024)} MiB`);
    throw new Problem('no-space', `${free} are free in the target directory, ${needed} are needed`, 'free some space');
  }
  const off = Math.abs(look.ahead) > clockBounds.warned;
  return {
    asRoot,
    warnings: off ? [`its clock is ${durationWords(look.ahead)}: requests would be refused; set it`] : [],
  };
}

function durationWords(ahead: number): string {
  if (!Number.isFinite(ahead)) return 'not to be read';
  const seconds = Math.round(Math.abs(ahead) / 1000);
  const units = [
    [365 * 86_400, 'year'],
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ] as const;
  const [size, unit] = units.find(([length]) => seconds >= length) ?? [1, 'second'];
  return `${count(Math.floor(seconds / size), unit)} ${ahead < 0 ? 'behind' : 'ahead'}`;
}

/** Days before the end of a certificate from which an installation issues a new one. */
const renewalDays = 30;

/** Why the node needs a certificate; undefined if its current one is sufficient. @throws Problem `other-fleet` */
export function certificateReason(
  installed: Installed,
  node: string,
  authorities: { readonly pem: string; readonly realm: string },
  now: number,
): string | undefined {
  if (!installed.key) return 'has no key yet';
  if (installed.certificate === '') return 'has none yet';
  const trusted = authorities.pem.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => parseCertificate(pem));
  const trust = { realm: authorities.realm, authorities: trusted, isRevoked: () => false };
  try {
    const [certificate, ...issuers] = pemBlocks(installed.certificate).map(parseCertificate) as [X509Certificate];
    rememberIssuers(issuers, trust);
    const { identity } = proveCertificate(certificate, 'node', trust, now + renewalDays * 86_400_000);
    return identity.name === node ? undefined : `is of ${identity.name}`;
  } catch (error) {
    const code = error instanceof Problem ? error.code : '';
    if (code === 'foreign-certificate') return 'is of another CA';
    return code === 'bad-certificate' ? 'cannot be read' : 'ends soon';
  }
}
