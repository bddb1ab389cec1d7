import { type FileHandle, open } from 'node:fs/promises';
import type { AuditFile } from '../../core/audit/files.ts';
import { type AuditRecord, type ChainState, chainStart, hashLine } from '../../core/audit/record.ts';
import { Problem } from '../../core/errors.ts';

/** How a file of the log ends. */
export interface Tail {
  /** Where the chain stands after it; its start when it holds no whole line. */
  readonly state: ChainState;
  /** Bytes of whole lines. */
  readonly size: number;
  /** What follows the last newline. */
  readonly torn: Buffer;
  /** The last record; undefined when there is none. */
  readonly last: AuditRecord | undefined;
}

const chunk = 1024 * 1024;

/** @throws Problem `audit-failed` when the last line is no record */
export async function readTail(handle: FileHandle, name: string): Promise<Tail> {
  const { size } = await handle.stat();
  let bytes = Buffer.alloc(0);
  let start = size;
  // Two newlines hold one whole line between them; a file that has fewer is read as a whole.
  while (start > 0 && newlines(bytes) < 2) {
    const from = Math.max(0, start - chunk);
    bytes = Buffer.concat([await readRange(handle, from, start), bytes]);
    start = from;
  }
  const end = bytes.lastIndexOf(10) + 1;
  const torn = bytes.subarray(end);
  if (end === 0) return { state: chainStart, size: 0, torn, last: undefined };
  const line = bytes.subarray(bytes.lastIndexOf(10, end - 2) + 1, end - 1).toString('utf8');
  const last = parseRecord(line);
  if (last === undefined) {
    const message = `the last line of ${name} is no record of an audit log`;
    throw new Problem('audit-failed', message, 'keep the file for inquiry and move it away');
  }
  return { state: { sequence: last.sequence, hash: hashLine(line) }, size: start + end, torn, last };
}

function newlines(bytes: Buffer): number {
  const last = bytes.lastIndexOf(10);
  if (last < 0) return 0;
  return last > 0 && bytes.lastIndexOf(10, last - 1) >= 0 ? 2 : 1;
}

async function readRange(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
  return bytes.subarray(0, bytesRead);
}

/** The first record of a file, or undefined. */
export async function readFirst(handle: FileHandle): Promise<AuditRecord | undefined> {
  for (let size = 64 * 1024; size <= 16 * chunk; size *= 16) {
    const bytes = await readRange(handle, 0, size);
    const end = bytes.indexOf(10);
    if (end >= 0) return parseRecord(bytes.subarray(0, end).toString('utf8'));
    if (bytes.length < size) break;
  }
  return undefined;
}

/**
 * The records of a log since a time, oldest first, over all its files, up to a number of bytes.
 * Read from the end, so that a large log costs nothing.
 */
export async function readRecent(files: readonly AuditFile[], since: number, most: number): Promise<AuditRecord[]> {
  const newest: AuditRecord[] = [];
  let left = most;
  for (const { path } of files.toReversed()) {
    const handle = await open(path, 'r');
    try {
      let { size: end } = await handle.stat();
      let rest = Buffer.alloc(0);
      while (end > 0 && left > 0) {
        const from = Math.max(0, end - chunk);
        const bytes = Buffer.concat([await readRange(handle, from, end), rest]);
        left -= end - from;
        end = from;
        // What stands before the first newline may be half a line, unless the file begins there.
        const begin = from === 0 ? 0 : bytes.indexOf(10) + 1;
        rest = bytes.subarray(0, begin);
        for (const line of bytes.subarray(begin).toString('utf8').split('\n').reverse()) {
          const record = line === '' ? undefined : parseRecord(line);
          if (record === undefined) continue;
          if (Date.parse(record.time) < since) return newest.reverse();
          newest.push(record);
        }
      }
    } finally {
      await handle.close();
    }
    if (left <= 0) break;
  }
  return newest.reverse();
}

function parseRecord(line: string): AuditRecord | undefined {
  try {
    const record = JSON.parse(line) as AuditRecord;
    return Number.isSafeInteger(record.sequence) ? record : undefined;
  } catch {
    return undefined;
  }
}
