import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '../json.ts';
import { ifThere } from '../files/if-there.ts';

/** Where the helper keeps what it must not forget, below the directory of the configuration. */
export const helperDirectory = '.apply';

/** A file that a change replaces, and what it was before. */
export interface ChangedFile {
  /** Below the directory of the configuration. */
  readonly place: string;
  /** Whether there was one: then it lies in `before/` under its number. */
  readonly existed: boolean;
}

/** A change that was not confirmed yet. What it replaced is kept until it is. */
export interface Pending {
  /** The id of the request that asked for it. */
  readonly change: string;
  /** The operator who did. */
  readonly operator: string;
  /** `switching` while files are replaced: if it stands there when nobody works on it, they are a mixture. */
  readonly state: 'switching' | 'waiting';
  /** Milliseconds since the epoch until which it may be confirmed. */
  readonly until: number;
  /** The kernel's id of the start of the machine at which it was made. */
  readonly boot: string;
  /** The daemon that ran then: another one must confirm, where it takes a restart. */
  readonly instance: string;
  readonly effect: 'at-once' | 'reload' | 'restart';
  readonly files: readonly ChangedFile[];
}

export function pendingFile(directory: string): string {
  return join(directory, helperDirectory, 'pending.json');
}

/** The change that waits for confirmation; undefined when none does. */
export async function readPending(directory: string): Promise<Pending | undefined> {
  const text = await ifThere(readFile(pendingFile(directory), 'utf8'));
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  const isWhole = isObject(value) && typeof value.change === 'string' && Array.isArray(value.files);
  return isWhole ? (value as unknown as Pending) : undefined;
}

/** What came of the last change that was not confirmed. */
export interface Returned {
  readonly change: string;
  /** ISO 8601. */
  readonly at: string;
  readonly why: string;
}

export async function readReturned(directory: string): Promise<Returned | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, helperDirectory, 'returned.json'), 'utf8'));
    return isObject(value) && typeof value.change === 'string' ? (value as unknown as Returned) : undefined;
  } catch {
    return undefined;
  }
}
