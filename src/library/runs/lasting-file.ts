/** A file of lines that stays where it is: if it is removed while it is open, it is written there again. */
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../core/errors.ts';
import { startAppending } from '../../core/files/append-lines.ts';
import { makeDirectories, replaceFile } from '../../core/files/durable.ts';
import { defineMutex } from '../../core/waiting/concurrency.ts';

export interface LastingFile {
  /** Resolves when the lines are on the disk, under the name of the file. */
  readonly append: (lines: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** @param flags `a` to continue a file, `ax` to begin one */
export async function openLasting(file: string, flags: 'a' | 'ax'): Promise<LastingFile> {
  let current = await openPart(file, flags);
  const appendNow = async (lines: string) => {
    await current.append(lines);
    const place = await current.look(file);
    if (place === 'ours') return;
    // Who resumes the run has written it.
    if (place === 'taken') throw new Error('another file has taken its place');
    // A clean-up removes directories of programs that still run; the open file has all of its content.
    const content = await readFile(`/proc/self/fd/${current.handle.fd}`);
    await makeDirectories(dirname(file), 0o700);
    await replaceFile(file, content, { replace: false });
    const next = await openPart(file, 'a');
    await current.handle.close();
    current = next;
  };
  const inTurn = defineMutex();
  return {
    append: (lines) => inTurn(() => appendNow(lines)),
    close: () => current.handle.close(),
  };
}

async function openPart(file: string, flags: 'a' | 'ax') {
  const handle = await open(file, flags, 0o600);
  return { handle, append: await startAppending(handle), look: await startLooking(handle) };
}

/** What a path leads to: the open file, another one, or none. */
async function startLooking(handle: FileHandle): Promise<(path: string) => Promise<'ours' | 'taken' | 'gone'>> {
  const own = await handle.stat();
  return async (path) => {
    // In a directory that may no longer be read, the file is still there.
    const there = await stat(path).catch((error: unknown) =>
      ['ENOENT', 'ENOTDIR'].includes(errnoOf(error)) ? undefined : own,
    );
    if (there === undefined) return 'gone';
    return there.dev === own.dev && there.ino === own.ino ? 'ours' : 'taken';
  };
}
