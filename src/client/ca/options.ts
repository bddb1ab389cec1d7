import { join, resolve } from 'node:path';
import { Problem } from '../../core/errors.ts';
import type { CliContext } from '../cli/context.ts';
import { shellWord } from '../cli/shell-word.ts';
import { homeOf } from '../../library/config/home.ts';

/** The common options of `ca` commands. */
export interface CaOptions {
  readonly dir?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

/** Another command on the same CA, as a person types it. */
export function onSameCa(words: string, { dir }: CaOptions): string {
  return `mco-deploy ca ${words}${dir === undefined ? '' : ` --dir ${shellWord(dir)}`}`;
}

/** Those options in the words of commands that reach hosts by ssh: `--ca-dir`, not `--dir`. */
export function caOptionsOf(options: { readonly caDir?: string; readonly passphraseFile?: string }): CaOptions {
  const { caDir, passphraseFile } = options;
  return {
    ...(caDir === undefined ? {} : { dir: caDir }),
    ...(passphraseFile === undefined ? {} : { passphraseFile }),
  };
}

/** The additional options of commands that issue a certificate. */
export interface CertificateOutputOptions {
  readonly out?: string;
  readonly bundle?: string;
  readonly force?: boolean;
  readonly days?: number;
  /** The same as days, from `--valid 8h`. */
  readonly valid?: number;
}

/** The requested lifetime of a certificate. @throws Problem `usage` */
export function validityIn({ days, valid }: CertificateOutputOptions): { readonly days?: number } {
  if (days !== undefined && valid !== undefined) {
    throw new Problem('usage', '--days and --valid cannot be combined', 'give one of them');
  }
  const validDays = days ?? valid;
  return validDays === undefined ? {} : { days: validDays };
}

/** `8h`, `30m` or `7d` in days. @throws Problem `usage` */
export function parseValid(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const days = Number(digits) / { m: 1440, h: 24, d: 1 }[unit as 'm' | 'h' | 'd'];
  if (days > 0) return days;
  throw new Problem('usage', `“${text}” is not a valid time`, 'write it as 30m, 8h or 7d');
}

/** The name of an application. @throws Problem `usage` */
export function parseApplication(text: string, before: readonly string[] = []): readonly string[] {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) return [...before, text];
  throw new Problem(
    'usage',
    `“${text}” is not a valid name of an application`,
    'use letters, digits, dots and hyphens',
  );
}

/** `--dir`, else mco-deploy/ca in the XDG data directory (XDG Base Directory Specification). */
export function caDirectory({ dir }: CaOptions, { env }: CliContext): string {
  if (dir !== undefined) return resolve(dir);
  const home = homeOf(env);
  // The specification says that relative paths are ignored.
  const data = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(home, '.local/share');
  return join(data, 'mco-deploy/ca');
}

/** A whole number of days from the command line. @throws Problem `usage` */
export function parseDays(text: string): number {
  const days = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (days > 0) return days;
  throw new Problem('usage', `“${text}” is not a number of days`, 'give a whole number from 1 to 99999');
}

/** @throws Problem `usage` */
export function parseKind(text: string): 'node' | 'operator' {
  if (text === 'node' || text === 'operator') return text;
  throw new Problem('usage', `“${text}” is not a kind of certificate`, 'use node or operator');
}

export interface RoleOptions {
  /** Lets a node relay for others. */
  readonly relay?: boolean;
  /** Limits an operator to these applications. */
  readonly for?: readonly string[];
}
