import { type FileHandle, open } from 'node:fs/promises';
import { type AuditFile, listAuditFiles } from '../../core/audit/files.ts';
import { type AuditRecord, hashLine } from '../../core/audit/record.ts';
import { offsetOf, readAt, sequenceAt, window } from '../audit/files/locate.ts';
import { ifThere } from '../../core/files/if-there.ts';

/** A record as it is sent: its line, and the fields that identify it for a receiver. */
export interface ShippedRecord {
  readonly record: AuditRecord;
  /** The line of the log without its newline, which the node signed. */
  readonly line: string;
  /** SHA-256 (hex) of the line, which the next record names as `previous`. */
  readonly hash: string;
}

/** The size of one read: a batch ends with the record that reaches either. */
const most = { records: 256, bytes: 256 * 1024 } as const;

/**
 * The next records of a log, read from its files: nothing of them stays in memory.
 * @param after sequence number of the record before the first
 * @param end sequence number of the last record
 */
export async function readRecords(file: string, after: number, end: number): Promise<readonly ShippedRecord[]> {
  for (const { path } of holding(await listAuditFiles(file), after + 1)) {
    const found = await inFile(path, after + 1, (handle, offset) => takeLines(handle, offset, end));
    if (found !== undefined && found.length > 0) return found;
  }
  return [];
}

/** Bytes of the log after a record. */
export async function bytesAfter(file: string, sequence: number): Promise<number> {
  let bytes = 0;
  for (const { path } of holding(await listAuditFiles(file), sequence + 1)) {
    const size = async (handle: FileHandle, offset: number) => (await handle.stat()).size - offset;
    bytes += (await inFile(path, sequence + 1, size)) ?? 0;
  }
  return bytes;
}

/** The files that may contain a record or later ones, in their order: each name gives its beginning. */
function holding(files: readonly AuditFile[], sequence: number): readonly AuditFile[] {
  return files.filter((_, index) => {
    const next = files[index + 1];
    return next?.first === undefined || next.first > sequence;
  });
}

/** @returns undefined when the file has no such record, or was deleted meanwhile */
async function inFile<T>(
  path: string,
  sequence: number,
  read: (handle: FileHandle, offset: number) => Promise<T>,
): Promise<T | undefined> {
  const handle = await ifThere(open(path, 'r'));
  if (handle === undefined) return undefined;
  try {
    const offset = await offsetOf(handle, sequence);
    return offset === undefined ? undefined : await read(handle, offset);
  } finally {
    await handle.close();
  }
}

async function takeLines(handle: FileHandle, offset: number, end: number): Promise<ShippedRecord[]> {
  const taken: ShippedRecord[] = [];
  for (let start = offset, bytes = 0; taken.length < most.records && bytes < most.bytes; ) {
    const sequence = await sequenceAt(handle, start);
    if (sequence === undefined || sequence > end) break;
    const line = await readLine(handle, start);
    if (line === undefined) break;
    start += line.length + 1;
    bytes += line.length;
    const text = line.toString('utf8');
    taken.push({ record: JSON.parse(text) as AuditRecord, line: text, hash: hashLine(text) });
  }
  return taken;
}

/** Undefined for a line that is not complete yet. */
async function readLine(handle: FileHandle, offset: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  for (let from = offset; ; from += window) {
    const bytes = await readAt(handle, from, window);
    const newline = bytes.indexOf(10);
    if (newline >= 0) return Buffer.concat([...parts, bytes.subarray(0, newline)]);
    if (bytes.length < window) return undefined;
    parts.push(bytes);
  }
}
