import { type FileHandle, open } from 'node:fs/promises';
import type { AuditFile } from '../../../core/audit/files.ts';
import { type AuditRecord, type ChainState, chainStart, hashLine, parseRecord } from '../../../core/audit/record.ts';
import { Problem } from '../../../core/errors.ts';

/** The end of a file of the log. */
export interface Tail {
  /** The chain after it; its start when it contains no whole line. */
  readonly state: ChainState;
  /** Bytes of whole lines. */
  readonly size: number;
  /** What follows the last newline. */
  readonly torn: Buffer;
  /** The last record; undefined when there is none. */
  readonly last: AuditRecord | undefined;
}

const chunk = 1024 * 1024;

/** @throws Problem `audit-failed` when the last line is not a record */
export async function readTail(handle: FileHandle, name: string): Promise<Tail> {
  const { size } = await handle.stat();
  let bytes = Buffer.alloc(0);
  let start = size;
  // Two newlines enclose one whole line; a file with fewer is read as a whole.
  while (start > 0 && !hasTwoNewlines(bytes)) {
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
    const message = `the last line of ${name} is not a record of an audit log`;
    throw new Problem('audit-failed', message, 'keep the file as evidence, and move it away');
  }
  return { state: { sequence: last.sequence, hash: hashLine(line) }, size: start + end, torn, last };
}

function hasTwoNewlines(bytes: Buffer): boolean {
  const last = bytes.lastIndexOf(10);
  return last > 0 && bytes.lastIndexOf(10, last - 1) >= 0;
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

/** What a log remembers of the past. */
export interface RecentRecords {
  /** Oldest first. */
  readonly records: readonly AuditRecord[];
  /** Milliseconds since the epoch: no later record is missing. */
  readonly completeSince: number;
}

/**
 * The records of a log since a time, over all its files, up to a number of bytes. It reads from the end, so that a
 * large log costs nothing. If a record is missing, earlier ones are omitted, because they prove nothing.
 * @param wasEmpty whether a log without records is one that never had any
 */
export async function readRecent(
  files: readonly AuditFile[],
  since: number,
  most: number,
  wasEmpty = true,
): Promise<RecentRecords> {
  const newest: AuditRecord[] = [];
  const result = (completeSince: number) => ({ records: newest.toReversed(), completeSince });
  for await (const record of readBackwards(files, most)) {
    const later = newest.at(-1);
    if (record === undefined || (later !== undefined && record.sequence !== later.sequence - 1)) break;
    if (Date.parse(record.time) < since) return result(since);
    newest.push(record);
  }
  const oldest = newest.at(-1);
  if (oldest === undefined ? wasEmpty : oldest.sequence === 1) return result(Number.NEGATIVE_INFINITY);
  return result(oldest === undefined ? Number.POSITIVE_INFINITY : Date.parse(oldest.time));
}

/** Undefined for a line that is not a record. */
async function* readBackwards(files: readonly AuditFile[], most: number): AsyncGenerator<AuditRecord | undefined> {
  const budget = { left: most };
  for (const { path } of files.toReversed()) {
    const handle = await open(path, 'r');
    try {
      for await (const line of linesBackwards(handle, budget)) yield parseRecord(line);
    } finally {
      await handle.close();
    }
    if (budget.left <= 0) return;
  }
}

/** @param budget the bytes that may still be read */
async function* linesBackwards(handle: FileHandle, budget: { left: number }): AsyncGenerator<string> {
  let { size: end } = await handle.stat();
  let rest = Buffer.alloc(0);
  while (end > 0 && budget.left > 0) {
    const from = Math.max(0, end - chunk);
    const bytes = Buffer.concat([await readRange(handle, from, end), rest]);
    budget.left -= end - from;
    end = from;
    // The text before the first newline may be half a line, unless the file begins there.
    const begin = from === 0 ? 0 : bytes.indexOf(10) + 1;
    rest = bytes.subarray(0, begin);
    const lines = bytes.subarray(begin).toString('utf8').split('\n').reverse();
    for (const line of lines) if (line !== '') yield line;
  }
}
