/** Detects that the audit log was moved or changed: by logrotate, a clean-up, an editor. */
import { constants, fstatSync, statSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { DisplacedRecord } from '../../core/audit/record.ts';
import { makeDirectories, syncDirectory } from '../../core/files/durable.ts';

export type Displacement = DisplacedRecord['found'];

/**
 * Checks the file at the path. Synchronous, because this happens before each record.
 * @param size bytes of the open file if nobody else changed it
 * @returns undefined when nothing has changed
 * @throws the error of the operating system when the path cannot be read
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
 * Opens an empty file at the path. The file that was there stays beside it, with the time in its name.
 * @returns the name of that file; empty where there was none
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
