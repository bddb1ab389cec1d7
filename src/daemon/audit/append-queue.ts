import type { AuditEvent } from '../../core/audit/record.ts';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import type { AuditFileWriter } from './audit-file.ts';
import type { ChainEntry, ChainWriter } from './chain-writer.ts';

const largestBatch = 256;

/** Records that wait for writing, so that those of many calls share one write and one sync. */
export interface AppendQueue {
  /** @returns the record's sequence number @throws Problem `audit-failed` */
  readonly append: (event: AuditEvent, durable: boolean) => Promise<number>;
  /** Accepts no more records, and resolves when the waiting ones are written. */
  readonly close: () => Promise<void>;
}

interface Pending extends ChainEntry {
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: Problem) => void;
}

/** @param beforeBatch runs before each batch is written; when it fails, the batch is rejected */
export function startAppendQueue(
  file: string,
  active: AuditFileWriter,
  chain: ChainWriter,
  beforeBatch: () => Promise<void>,
): AppendQueue {
  const queue: Pending[] = [];
  let writing: Promise<void> | undefined;
  let isClosed = false;
  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      const taken = queue.splice(0, largestBatch);
      try {
        await beforeBatch();
      } catch (error) {
        for (const { reject } of taken) reject(failed(file, error));
        continue;
      }
      const batch = await admit(file, active, taken);
      if (batch.length > 0) await writeBatch(file, active, chain, batch);
    }
    writing = undefined;
  };
  return {
    append: (event, durable) =>
      new Promise((resolve, reject) => {
        if (isClosed) throw new Problem('audit-failed', `the audit log ${file} is closed`);
        queue.push({ event, durable, resolve, reject });
        writing ??= drain();
      }),
    close: async () => {
      isClosed = true;
      await writing;
    },
  };
}

/** Rejects new work on a disk that is so full that there may be no room for its outcome. */
async function admit(file: string, active: AuditFileWriter, batch: readonly Pending[]): Promise<readonly Pending[]> {
  if (batch.every(isOutcome) || (await active.hasRoom())) return batch;
  const message = `the audit log ${file} cannot be written: no space left on the device`;
  for (const { reject } of batch.filter((pending) => !isOutcome(pending))) reject(new Problem('audit-failed', message));
  return batch.filter(isOutcome);
}

/** On a full disk, writes the outcomes of the batch again, into the reserved space. */
async function writeBatch(
  file: string,
  active: AuditFileWriter,
  chain: ChainWriter,
  batch: readonly Pending[],
): Promise<void> {
  try {
    await settle(chain, batch);
  } catch (error) {
    const saved = errnoOf(error) === 'ENOSPC' ? batch.filter(isOutcome) : [];
    for (const { reject } of batch.filter((pending) => !saved.includes(pending))) reject(failed(file, error));
    if (saved.length === 0) return;
    await active.useReserve();
    await settle(chain, saved).catch((again: unknown) => {
      for (const { reject } of saved) reject(failed(file, again));
    });
  }
}

async function settle(chain: ChainWriter, batch: readonly Pending[]): Promise<void> {
  const sequences = await chain.write(batch);
  for (const [index, { resolve }] of batch.entries()) resolve(sequences[index] ?? 0);
}

/** The end of a call that was begun may use the reserve. */
function isOutcome({ event }: Pending): boolean {
  return event.kind === 'outcome' || event.kind === 'ended' || event.kind === 'stopped';
}

export function failed(file: string, cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  return new Problem('audit-failed', `the audit log ${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
}
