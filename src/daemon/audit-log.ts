import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { signHead } from '../core/audit/head.ts';
import {
  type AuditEvent,
  type AuditRecord,
  type ChainState,
  chainStart,
  formatLine,
  hashLine,
} from '../core/audit/record.ts';
import type { Credentials } from '../core/caller.ts';
import { errnoOf, explainErrno, Problem } from '../core/errors.ts';
import type { AuditHead } from '../core/wire/messages.ts';

/** The node's audit log, open for writing. */
export interface AuditLog {
  /**
   * Writes a record at the end of the chain.
   * @param durable wait until it is on the disk (fdatasync), not only with the kernel
   * @returns the record's sequence number
   * @throws Problem `audit-failed`
   */
  readonly append: (event: AuditEvent, durable: boolean) => Promise<number>;
  /** The signed end of the log as it is now. */
  readonly head: () => AuditHead;
  /** The last records, oldest first, of at most some MiB: what a starting daemon remembers. */
  readonly recent: readonly AuditRecord[];
  readonly close: () => Promise<void>;
}

/** Kept beside the log and given up when the disk is full, so that outcomes of what was begun can still be written. */
const reserveBytes = 64 * 1024;
const rememberedBytes = 4 * 1024 * 1024;

interface Pending {
  readonly event: AuditEvent;
  readonly durable: boolean;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: Problem) => void;
}

/**
 * Opens (or begins) a log and goes on with its chain. Half a line that a crash left is cut off and kept in a record.
 * @param credentials asked for at every record, so that a renewed certificate signs from then on
 * @throws Problem `audit-failed` when the file cannot be opened or its last line is no record
 */
export async function openAuditLog(file: string, credentials: () => Credentials, now: () => number): Promise<AuditLog> {
  const reserve = `${file}.reserve`;
  let handle: FileHandle;
  let tail: Tail;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o750 });
    handle = await open(file, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o640);
    tail = await readTail(handle);
    if (tail.torn.length > 0) await handle.truncate(tail.size);
    await writeFile(reserve, Buffer.alloc(reserveBytes), { mode: 0o640, flag: 'w' }).catch(() => {});
  } catch (error) {
    throw failed(file, error);
  }
  let { state, size } = tail;
  const queue: Pending[] = [];
  let writing: Promise<void> | undefined;

  const writeAll = async (batch: readonly Pending[]): Promise<void> => {
    let next = state;
    const lines: string[] = [];
    const sequences: number[] = [];
    for (const { event } of batch) {
      const line = formatLine(event, next, credentials(), now());
      next = { sequence: next.sequence + 1, hash: hashLine(line) };
      lines.push(line);
      sequences.push(next.sequence);
    }
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    const durable = batch.some((pending) => pending.durable);
    await writeWhole(handle, bytes, durable, size, batch.some(isOutcome) ? reserve : undefined);
    state = next;
    size += bytes.length;
    batch.forEach(({ resolve }, index) => {
      resolve(sequences[index] ?? 0);
    });
  };
  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.splice(0, 256);
      try {
        await writeAll(batch);
      } catch (error) {
        const problem = failed(file, error);
        for (const { reject } of batch) reject(problem);
      }
    }
    writing = undefined;
  };

  const log: AuditLog = {
    append: (event, durable) =>
      new Promise((resolve, reject) => {
        queue.push({ event, durable, resolve, reject });
        writing ??= drain();
      }),
    head: () => signHead(state, credentials()),
    recent: tail.records,
    close: async () => {
      await writing;
      await handle.datasync().catch(() => {});
      await handle.close();
    },
  };
  if (tail.torn.length > 0) {
    const torn = tail.torn.subarray(0, 4096).toString('base64');
    await log.append({ kind: 'recovered', torn_bytes: tail.torn.length, torn }, true);
  }
  return log;
}

function isOutcome({ event }: Pending): boolean {
  return event.kind === 'outcome';
}

/** Writes all or nothing; a full disk is met by giving up the reserve, where one is given. */
async function writeWhole(
  handle: FileHandle,
  bytes: Buffer,
  durable: boolean,
  size: number,
  reserve: string | undefined,
): Promise<void> {
  try {
    await handle.appendFile(bytes);
    if (durable) await handle.datasync();
  } catch (error) {
    await handle.truncate(size).catch(() => {});
    if (errnoOf(error) !== 'ENOSPC' || reserve === undefined) throw error;
    await rm(reserve, { force: true });
    await writeWhole(handle, bytes, durable, size, undefined);
  }
}

function failed(file: string, cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  return new Problem('audit-failed', `the audit log ${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
}

interface Tail {
  readonly state: ChainState;
  /** Bytes of whole lines. */
  readonly size: number;
  readonly torn: Buffer;
  readonly records: AuditRecord[];
}

async function readTail(handle: FileHandle): Promise<Tail> {
  const { size } = await handle.stat();
  const start = Math.max(0, size - rememberedBytes);
  const bytes = Buffer.alloc(size - start);
  await handle.read(bytes, 0, bytes.length, start);
  const end = bytes.lastIndexOf(10) + 1;
  const lines = bytes
    .subarray(0, end)
    .toString('utf8')
    .split('\n')
    .slice(start === 0 ? 0 : 1, -1);
  const last = lines.at(-1);
  const records = lines.map((line) => parseRecord(line)).filter((record) => record !== undefined);
  const lastRecord = last === undefined ? undefined : parseRecord(last);
  if (last !== undefined && lastRecord === undefined) {
    throw new Problem(
      'audit-failed',
      'the last line of the audit log is no record',
      'keep the file for inquiry and move it away',
    );
  }
  const state =
    last === undefined || lastRecord === undefined
      ? chainStart
      : { sequence: lastRecord.sequence, hash: hashLine(last) };
  return { state, size: start + end, torn: bytes.subarray(end), records };
}

function parseRecord(line: string): AuditRecord | undefined {
  try {
    const record = JSON.parse(line) as AuditRecord;
    return Number.isSafeInteger(record.sequence) ? record : undefined;
  } catch {
    return undefined;
  }
}
