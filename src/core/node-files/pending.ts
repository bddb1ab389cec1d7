import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '../json.ts';
import { ifThere } from '../files/if-there.ts';

/** Where the helper stores its state, below the directory of the configuration. */
export const helperDirectory = '.apply';

/** A file that a change replaces, and its earlier state. */
export interface ChangedFile {
  /** Below the directory of the configuration. */
  readonly place: string;
  /** Whether there was one: then it is in `before/` under its number. */
  readonly existed: boolean;
}

/** A change that is not confirmed yet. The replaced files are kept until then. */
export interface Pending {
  /** The id of the request for it. */
  readonly change: string;
  /** The operator of the request. */
  readonly operator: string;
  /** `switching` while files are replaced: if this is found when nobody works on it, the files are a mixture. */
  readonly state: 'switching' | 'waiting';
  /** Milliseconds since the epoch until which it may be confirmed. */
  readonly until: number;
  /** The kernel's id of the start of the machine at which it was made. */
  readonly boot: string;
  /** The daemon that ran then: if a restart is needed, another one must confirm. */
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

/** The result of the last change that was not confirmed. */
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
