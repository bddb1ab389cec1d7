import type { FileHandle } from 'node:fs/promises';
import { defineMutex } from '../waiting/concurrency.ts';

/**
 * Appends lines one after the other, each completely or not at all: if a full disk cuts one, the part is removed before
 * the next.
 * @param handle open only for appending
 * @param isWhole true where the file is known to end with a newline
 * @returns a function that appends whole lines, with their newlines; it resolves when they are on the disk (fdatasync)
 */
export async function startAppending(
  handle: FileHandle,
  { isWhole = false }: { readonly isWhole?: boolean } = {},
): Promise<(lines: string) => Promise<void>> {
  let { size } = await handle.stat();
  // A crash may have left a line without its end: it stays, for a person to read, and gets a newline.
  let dirty = size > 0 && !isWhole;
  const inTurn = defineMutex();
  const appendNow = async (line: string) => {
    const text = dirty ? `\n${line}` : line;
    try {
      await handle.appendFile(text);
      await handle.datasync();
    } catch (error) {
      dirty = !(await cutOff(handle, size));
      throw error;
    }
    size += Buffer.byteLength(text);
    dirty = false;
  };
  return (line) => inTurn(() => appendNow(line));
}

/** @returns whether the file ends with a whole line */
async function cutOff(handle: FileHandle, size: number): Promise<boolean> {
  try {
    await handle.truncate(size);
    return true;
  } catch {
    return false;
  }
}
