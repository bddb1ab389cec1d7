import { rm } from 'node:fs/promises';
import { listAuditFiles } from '../../core/audit/files.ts';
import { signHead } from '../../core/audit/head.ts';
import { type AuditEvent, type AuditRecord, type ChainState, formatLine, hashLine } from '../../core/audit/record.ts';
import type { Credentials } from '../../core/request/seal.ts';
import { errnoOf, explain, explainErrno, Problem } from '../../core/errors.ts';
import type { AuditHead } from '../../core/wire/messages.ts';
import { type AuditFileWriter, openAuditFile } from './audit-file.ts';
import { startDelayedSync } from './delayed-sync.ts';
import { describeArchives, type Keep, planDeletion } from './retention.ts';
import { readRecent } from './tail.ts';

/** The node's audit log, open for writing. */
export interface AuditLog {
  /**
   * Writes a record at the end of the chain.
   * @param durable wait until it is on the disk (fdatasync); else it is there within 100 ms, if the disk keeps up
   * @returns the record's sequence number
   * @throws Problem `audit-failed`
   */
  readonly append: (event: AuditEvent, durable: boolean) => Promise<number>;
  /** The signed end of what is on the disk: never more than a power cut leaves. */
  readonly head: () => AuditHead;
  /** The records of the last half hour, oldest first, of at most some MiB: what a starting daemon remembers. */
  readonly recent: readonly AuditRecord[];
  /** What keeps the log from being rotated or old files from being deleted. */
  readonly warnings: () => readonly string[];
  readonly close: () => Promise<void>;
}

/** When a file is full, and how long full files are kept. */
export interface AuditLimits {
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly maxAge: number;
  readonly keep: Keep;
}

export const endless: AuditLimits = {
  maxBytes: Number.POSITIVE_INFINITY,
  maxAge: Number.POSITIVE_INFINITY,
  keep: {},
};

const rememberedTime = 30 * 60_000;
const rememberedBytes = 32 * 1024 * 1024;
const largestBatch = 256;

interface Pending {
  readonly event: AuditEvent;
  readonly durable: boolean;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: Problem) => void;
}

type Entry = Pick<Pending, 'event' | 'durable'>;

/**
 * Opens (or begins) a log and goes on with its chain. Half a line that a crash left is cut off and kept in a record.
 * @param credentials asked for at every record, so that a renewed certificate signs from then on
 * @throws Problem `audit-failed` when the file cannot be opened or its last line is no record
 */
export async function openAuditLog(
  file: string,
  credentials: () => Credentials,
  now: () => number,
  limits: AuditLimits = endless,
): Promise<AuditLog> {
  let active: AuditFileWriter;
  let recent: AuditRecord[];
  try {
    active = await openAuditFile(file);
    recent = await readRecent(await listAuditFiles(file), now() - rememberedTime, rememberedBytes);
  } catch (error) {
    throw failed(file, error);
  }
  let { state } = active;
  let safe = state;
  let fault: string[] = [];
  const queue: Pending[] = [];
  let writing: Promise<void> | undefined;
  const signedHead = keepSigned();

  /** Writes entries as one; an empty file gets a word on the file before it first. */
  const write = async (entries: readonly Entry[]): Promise<number[]> => {
    const before = active.before();
    const certificate = credentials().certificate.raw.toString('base64');
    const opening: Entry[] =
      before === undefined ? [] : [{ event: { kind: 'rotated', ...pick(before), certificate }, durable: true }];
    const all = [...opening, ...entries];
    let next = state;
    const time = now();
    const lines = all.map(({ event }) => {
      const line = formatLine(event, next, credentials(), time);
      next = { sequence: next.sequence + 1, hash: hashLine(line) };
      return line;
    });
    const durable = all.some((entry) => entry.durable);
    await active.write(Buffer.from(`${lines.join('\n')}\n`), durable, state.sequence + 1, time);
    const first = state.sequence + 1 + opening.length;
    state = next;
    if (durable) safe = next;
    else delayed.schedule();
    return entries.map((_, index) => first + index);
  };

  const delayed = startDelayedSync(async () => {
    const written = state;
    try {
      await active.sync();
      if (written.sequence > safe.sequence) safe = written;
    } catch (error) {
      // A change's records are synced before its reply, and meet the same fault where it can be told.
      fault = [`the audit log ${file} cannot be synced to the disk: ${explainErrno(error)}`];
    }
  });
  const rotate = async (): Promise<void> => {
    const begun = active.begun() ?? now();
    const due = active.size() >= limits.maxBytes || now() - begun >= limits.maxAge;
    if (!due) return;
    try {
      await active.rotate(state.sequence);
      fault = [];
    } catch (error) {
      fault = [`the audit log ${file} cannot be rotated and grows: ${explainErrno(error)}`];
      return;
    }
    await retain();
  };
  const retain = async (): Promise<void> => {
    if (limits.keep.days === undefined && limits.keep.files === undefined) return;
    try {
      const going = planDeletion(await describeArchives(await listAuditFiles(file)), limits.keep, now());
      if (going.length === 0) return;
      const files = going.map(({ file: name, first, last, hash }) => ({ file: name, first, last, hash }));
      await write([{ event: { kind: 'deleted', files }, durable: true }]);
      for (const { path } of going) await rm(path);
    } catch (error) {
      const why = error instanceof Problem ? explain(error) : explainErrno(error);
      fault = [`old files of the audit log ${file} are not deleted: ${why}`];
    }
  };
  const settle = async (batch: readonly Pending[]): Promise<void> => {
    const sequences = await write(batch);
    for (const [index, { resolve }] of batch.entries()) resolve(sequences[index] ?? 0);
  };
  /** Turns away what would begin on a disk so full that its outcome might find no room. */
  const admit = async (batch: readonly Pending[]): Promise<readonly Pending[]> => {
    if (batch.every(isOutcome) || (await active.hasRoom())) return batch;
    const message = `the audit log ${file} cannot be written: no space left on the device`;
    for (const { reject } of batch.filter((pending) => !isOutcome(pending)))
      reject(new Problem('audit-failed', message));
    return batch.filter(isOutcome);
  };
  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      await rotate();
      const batch = await admit(queue.splice(0, largestBatch));
      if (batch.length === 0) continue;
      await settle(batch).catch(async (error: unknown) => {
        const saved = errnoOf(error) === 'ENOSPC' ? batch.filter(isOutcome) : [];
        for (const { reject } of batch.filter((pending) => !saved.includes(pending))) reject(failed(file, error));
        if (saved.length === 0) return;
        await active.useReserve();
        await settle(saved).catch((again: unknown) => {
          for (const { reject } of saved) reject(failed(file, again));
        });
      });
    }
    writing = undefined;
  };

  const log: AuditLog = {
    append: (event, durable) =>
      new Promise((resolve, reject) => {
        queue.push({ event, durable, resolve, reject });
        writing ??= drain();
      }),
    head: () => signedHead(safe, credentials()),
    recent,
    warnings: () => fault,
    close: async () => {
      await writing;
      delayed.stop();
      await active.close();
    },
  };
  if (active.torn.length > 0) {
    const torn = active.torn.subarray(0, 4096).toString('base64');
    await log.append({ kind: 'recovered', torn_bytes: active.torn.length, torn }, true);
  }
  return log;
}

/** Most replies carry the same head as the one before: it is signed once. */
function keepSigned(): (state: ChainState, credentials: Credentials) => AuditHead {
  let last: { readonly state: ChainState; readonly credentials: Credentials; readonly head: AuditHead } | undefined;
  return (state, credentials) => {
    if (last?.state !== state || last.credentials !== credentials) {
      last = { state, credentials, head: signHead(state, credentials) };
    }
    return last.head;
  };
}

function pick({ file, first, last }: { file: string; first: number; last: number }) {
  return { file, first, last };
}

/** What ends something that was begun: it may use the reserve. */
function isOutcome({ event }: Pending): boolean {
  return event.kind === 'outcome' || event.kind === 'stopped';
}

function failed(file: string, cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  return new Problem('audit-failed', `the audit log ${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
}
