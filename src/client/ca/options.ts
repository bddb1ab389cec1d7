import { join, resolve } from 'node:path';
import { Problem } from '../../core/errors.ts';
import type { CliContext } from '../cli/context.ts';
import { homeOf } from '../../library/config/home.ts';

/** What every `ca` command takes. */
export interface CaOptions {
  readonly dir?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

/** What commands that hand out a certificate take besides. */
export interface PlaceOptions {
  readonly out?: string;
  readonly bundle?: string;
  readonly force?: boolean;
  readonly days?: number;
}

/** `--dir`, else mco-deploy/ca in the XDG data directory (XDG Base Directory Specification). */
export function caDirectory({ dir }: CaOptions, { env }: CliContext): string {
  if (dir !== undefined) return resolve(dir);
  const home = homeOf(env);
  // The specification has relative paths ignored.
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
  throw new Problem('usage', `“${text}” is not a kind of certificate`, 'say node or operator');
}

export interface RoleOptions {
  /** Lets a node relay for others. */
  readonly relay?: boolean;
}
