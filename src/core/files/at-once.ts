import {
  type BigIntStats,
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '../errors.ts';
import { draftOf, removeAbandonedDrafts } from './draft.ts';
import { makeDirectories } from './durable.ts';

const synced = promisify(fsync);

/** The text of a file, and whether it is still the same file. */
export interface ReadFile {
  /** Undefined if there was none. */
  readonly text: string | undefined;
  /** Whether nobody has replaced, changed, removed or made the file since. */
  readonly isCurrent: () => boolean;
}

/** Reads a file in UTF-8 that need not be read again as long as nobody writes it. @throws as readFileSync */
export function readToMerge(file: string): ReadFile {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { text: undefined, isCurrent: () => !existsSync(file) };
    throw error;
  }
  try {
    const mark = markOf(fstatSync(descriptor, { bigint: true }));
    const text = readFileSync(descriptor, 'utf8');
    const current = () => statSync(file, { bigint: true, throwIfNoEntry: false });
    return { text, isCurrent: () => markOf(current()) === mark };
  } finally {
    closeSync(descriptor);
  }
}

/** What differs after a file was replaced, or changed where it is. */
function markOf(found: BigIntStats | undefined): string {
  return found === undefined ? '' : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
}

/**
 * Writes a small file of a command that is about to end, as `replaceFile` does with `shared`: a reader, a crash or a
 * power cut finds the old content or the new, never a part. Each step is taken at once, not by another thread: that
 * takes microseconds, and a command need not wait a dozen times for its turn. Only the disk is waited for.
 * @param sync false: not synced to the disk, for data that can be recreated
 */
export async function replaceAtOnce(file: string, content: string, { sync = true } = {}): Promise<void> {
  const directory = dirname(file);
  if (!existsSync(directory)) await makeDirectories(directory, 0o700, { sync });
  removeAbandonedDrafts(directory);
  const draft = draftOf(file);
  try {
    await writeDraft(draft, content, sync);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  if (sync) await withOpen(directory, 'r', synced);
}

async function writeDraft(draft: string, content: string, sync: boolean): Promise<void> {
  await withOpen(draft, 'wx', async (descriptor) => {
    writeFileSync(descriptor, content);
    // Under any umask.
    fchmodSync(descriptor, 0o600);
    if (sync) await synced(descriptor);
  });
}

async function withOpen(path: string, flags: string, work: (descriptor: number) => Promise<void>): Promise<void> {
  const descriptor = openSync(path, flags, 0o600);
  try {
    await work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
