import type { FileHandle } from 'node:fs/promises';

/** Bytes of one read. */
export const window = 64 * 1024;

/**
 * The offset of a record in a file of the log. It bisects: sequence numbers grow from line to line, and each line
 * begins with its own.
 * @returns the offset of the first whole line with that sequence number or a later one; undefined when there is none
 */
export async function offsetOf(handle: FileHandle, sequence: number): Promise<number | undefined> {
  let low = 0;
  let high = (await handle.stat()).size;
  while (high - low > window) {
    const middle = Math.floor((low + high) / 2);
    const line = await nextLine(handle, middle, high);
    if (line === undefined || line.sequence > sequence) high = middle;
    else low = line.start;
  }
  for (let start: number | undefined = low; start !== undefined; start = await afterLine(handle, start)) {
    const current = await sequenceAt(handle, start);
    if (current === undefined) return undefined;
    if (current >= sequence) return start;
  }
  return undefined;
}

/** The sequence number of the line that begins at an offset; undefined when no record does. */
export async function sequenceAt(handle: FileHandle, offset: number): Promise<number | undefined> {
  const digits = /^\{"v":1,"sequence":(\d{1,16}),/.exec((await readAt(handle, offset, 64)).toString('latin1'))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** The first line that begins after an offset. */
async function nextLine(handle: FileHandle, offset: number, end: number) {
  const start = await afterLine(handle, offset);
  if (start === undefined || start >= end) return undefined;
  const sequence = await sequenceAt(handle, start);
  return sequence === undefined ? undefined : { start, sequence };
}

/** The start of the next line; undefined when no newline follows. */
async function afterLine(handle: FileHandle, offset: number): Promise<number | undefined> {
  for (let from = offset; ; from += window) {
    const bytes = await readAt(handle, from, window);
    const newline = bytes.indexOf(10);
    if (newline >= 0) return from + newline + 1;
    if (bytes.length < window) return undefined;
  }
}
