/** Notices that the audit log is not where it was, or not what it was: logrotate, a clean-up, somebody's editor. */
import { constants, fstatSync, statSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { DisplacedRecord } from '../../core/audit/record.ts';
import { makeDirectories, syncDirectory } from '../../core/files/durable.ts';

export type Displacement = DisplacedRecord['found'];

/**
 * Looks where the path leads now. At once and not in a thread, since this is done before each record.
 * @param size bytes that the open file has when nobody else changed it
 * @returns undefined when all is as it was left
 * @throws the error of the operating system when the path can't be looked at
 */
export function findDisplacement(file: string, { fd }: FileHandle, size: number): Displacement | undefined {
  const there = statSync(file, { throwIfNoEntry: false });
  if (there === undefined) return 'missing';
  const own = fstatSync(fd);
  if (there.dev !== own.dev || there.ino !== own.ino) return 'replaced';
  if (own.size === size) return undefined;
  return own.size < size ? 'shortened' : 'lengthened';
}

/**
 * Opens an empty file at the path. What is found there stays beside it, under a name that says when.
 * @returns the name of what was found; empty where there was nothing
 */
export async function openInstead(
  file: string,
  flags: number,
  now: number,
): Promise<{ handle: FileHandle; kept: string }> {
  await makeDirectories(dirname(file), 0o750);
  const found = statSync(file, { throwIfNoEntry: false });
  const aside = `${file}.found-${new Date(now).toISOString().replaceAll(':', '')}`;
  const keeps = found !== undefined && (found.size > 0 || !found.isFile());
  if (keeps) await rename(file, aside);
  const handle = await open(file, flags | (keeps || found === undefined ? constants.O_EXCL : 0), 0o640);
  await syncDirectory(dirname(file));
  return { handle, kept: keeps ? basename(aside) : '' };
}
