import { randomBytes } from 'node:crypto';
import { constants, writeSync } from 'node:fs';
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { archivePath, listAuditFiles } from '../../core/audit/files.ts';
import { type ChainState, chainStart } from '../../core/audit/record.ts';
import { makeDirectories, syncDirectory } from '../../core/files/durable.ts';
import { errnoOf } from '../../core/errors.ts';
import { type Displacement, findDisplacement, openInstead } from './displaced.ts';
import { readFirst, readTail, type Tail } from './files/tail.ts';

/** The current file of the log, and its replacement by another. */
export interface AuditFileWriter {
  /** The chain when the log was opened. */
  readonly state: ChainState;
  /** Half a line that was cut off then. */
  readonly torn: Buffer;
  readonly size: () => number;
  /** Milliseconds since the epoch of the first record; undefined while there is none. */
  readonly begun: () => number | undefined;
  /** The file before, if this one must begin with a record about it. */
  readonly before: () => FileBefore | undefined;
  /**
   * What another program did to the file since the last write; undefined: nothing. @throws the error of the operating
   * system
   */
  readonly displacement: () => Displacement | undefined;
  /** Continues in a new file at the path. @returns the new name of the file that was found there, or an empty one */
  readonly beginAgain: (now: number) => Promise<string>;
  /** Writes all or nothing. @throws the error of the operating system */
  readonly write: (bytes: Buffer, durable: boolean, first: number, time: number) => Promise<void>;
  /** Waits until everything written is on the disk. @throws the error of the operating system */
  readonly sync: () => Promise<void>;
  /**
   * Renames the file after its first record and continues in an empty one: only names change, nothing is copied or cut.
   */
  readonly rotate: (last: number) => Promise<void>;
  /** Whether new work may begin: not while the reserve is used up, because there would be no room for its outcome. */
  readonly hasRoom: () => Promise<boolean>;
  /** Deletes the reserve, so that a full disk has room. */
  readonly useReserve: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface FileBefore {
  readonly file: string;
  readonly first: number;
  readonly last: number;
}

/** Kept beside the log and deleted when the disk is full, so that outcomes of started work can still be written. */
const reserveBytes = 64 * 1024;

interface Active {
  readonly handle: FileHandle;
  size: number;
  first: number | undefined;
  begun: number | undefined;
}

const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND;

/** @throws Problem `audit-failed` when it does not end in a record, or the error of the operating system */
export async function openAuditFile(file: string): Promise<AuditFileWriter> {
  await makeDirectories(dirname(file), 0o750);
  let before = await fileBefore(file);
  const { active, tail } = await openActive(file);
  let current = active;
  const reserve = await openReserve(`${file}.reserve`);

  return {
    state: tail.last === undefined ? (before?.state ?? chainStart) : tail.state,
    torn: tail.torn,
    size: () => current.size,
    begun: () => current.begun,
    before: () => (current.size === 0 ? before : undefined),
    displacement: () => findDisplacement(file, current.handle, current.size),
    beginAgain: async (now) => {
      const { handle, kept } = await openInstead(file, flags, now);
      const old = current.handle;
      current = { handle, size: 0, first: undefined, begun: undefined };
      before = undefined;
      await old.close();
      await reserve.fill();
      return kept;
    },
    write: (bytes, durable, first, time) => writeWhole(current, bytes, durable, { first, begun: time }),
    sync: () => current.handle.datasync(),
    rotate: async (last) => {
      const { handle: old, first } = current;
      if (first === undefined) return;
      await old.datasync();
      const archive = archivePath(file, first);
      current = { handle: await exchange(file, archive), size: 0, first: undefined, begun: undefined };
      before = { file: basename(archive), first, last, state: chainStart };
      await old.close();
    },
    hasRoom: reserve.hasRoom,
    useReserve: reserve.use,
    close: async () => {
      await current.handle.datasync().catch(() => {});
      await current.handle.close();
    },
  };
}

/** @param start the number and time of the first record in the bytes, for a file that is empty */
async function writeWhole(
  current: Active,
  bytes: Buffer,
  durable: boolean,
  start: { readonly first: number; readonly begun: number },
): Promise<void> {
  const { handle, size } = current;
  try {
    writeAll(handle.fd, bytes);
    if (durable) await handle.datasync();
  } catch (error) {
    await handle.truncate(size).catch(() => {});
    throw error;
  }
  if (size === 0) Object.assign(current, start);
  current.size += bytes.length;
}

/**
 * Synchronous, and not in a thread of the pool: these bytes go to the kernel's memory, and a thread would take several
 * times as long. Only the sync, which waits for the disk, runs in a thread.
 */
function writeAll(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

async function openActive(file: string): Promise<{ active: Active; tail: Tail }> {
  const handle = await open(file, flags, 0o640);
  try {
    await syncDirectory(dirname(file));
    const tail = await readTail(handle, file);
    if (tail.torn.length > 0) await handle.truncate(tail.size);
    const first = tail.last === undefined ? undefined : await readFirst(handle);
    const begun = first === undefined ? undefined : Date.parse(first.time);
    return { active: { handle, size: tail.size, first: first?.sequence, begun }, tail };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The last file that was rotated, with the chain at its end. */
async function fileBefore(file: string): Promise<(FileBefore & { readonly state: ChainState }) | undefined> {
  const archives = (await listAuditFiles(file)).filter(({ first }) => first !== undefined);
  const newest = archives.at(-1);
  if (newest?.first === undefined) return undefined;
  const handle = await open(newest.path, 'r');
  try {
    const { state } = await readTail(handle, newest.path);
    return { file: basename(newest.path), first: newest.first, last: state.sequence, state };
  } finally {
    await handle.close();
  }
}

/** The new file exists before the old one loses its name: whatever fails, the log has a file to continue in. */
async function exchange(file: string, archive: string): Promise<FileHandle> {
  const next = `${file}.next`;
  const handle = await open(next, flags | constants.O_TRUNC, 0o640);
  try {
    await rename(file, archive);
    await rename(next, file).catch(async (error: unknown) => {
      await rename(archive, file);
      throw error;
    });
  } catch (error) {
    await handle.close();
    await rm(next, { force: true });
    throw error;
  }
  await syncDirectory(dirname(file));
  return handle;
}

/** The space beside the log for a disk that is full. */
async function openReserve(file: string) {
  let full = await fillReserve(file);
  const fill = async () => {
    full = await fillReserve(file);
  };
  return {
    fill,
    hasRoom: async () => {
      if (full) await fill();
      return !full;
    },
    use: async () => {
      full = true;
      await rm(file, { force: true });
    },
  };
}

/** @returns true when the disk is full. Random bytes, so that no file system compresses them. */
async function fillReserve(reserve: string): Promise<boolean> {
  try {
    await writeFile(reserve, randomBytes(reserveBytes), { mode: 0o640 });
    return false;
  } catch (error) {
    await rm(reserve).catch(() => {});
    return errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT';
  }
}
