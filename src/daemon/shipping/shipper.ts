import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainState } from '../../core/audit/record.ts';
import { explain, explainErrno, Problem } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { makeBell } from './bell.ts';
import type { Cursor } from './cursor.ts';
import { bytesAfter, readRecords, type ShippedRecord } from './read-records.ts';
import type { Receiver } from './receiver.ts';

/** How far a receiver is. */
export interface ShipperStatus {
  readonly receiver: string;
  /** Records that the receiver has taken since the daemon started, those that were sent again included. */
  readonly sent: number;
  /** Attempts that failed. */
  readonly failures: number;
  /** Records of the log that it has not taken, and their bytes as they were last measured. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Why the last attempt failed; undefined when it did not. */
  readonly fault: string | undefined;
  /** Records that were no longer in the log when it was their turn. */
  readonly missing: string | undefined;
}

/** Sends the audit log to one receiver, in order, each record at least once, from its files. */
export interface Shipper {
  readonly status: () => ShipperStatus;
  /** Sends what is left when the receiver takes it at once, then ends. */
  readonly stop: () => Promise<void>;
}

export interface ShipperSetup {
  readonly receiver: string;
  readonly file: string;
  readonly audit: Pick<AuditLog, 'safe' | 'onSafe' | 'continues'>;
  readonly cursor: Cursor;
  readonly open: (onLost: () => void) => Receiver;
  readonly log: Log;
}

/** Milliseconds: between two attempts, at first and at most, and for what is left at the end. */
const times = { first: 1000, most: 60_000, end: 2000 } as const;

export function startShipper({ receiver: name, file, audit, cursor, open, log }: ShipperSetup): Shipper {
  const ending = new AbortController();
  const { signal } = ending;
  const bell = makeBell(signal);
  const receiver = open(bell.ring);
  let [sent, failures, waitingBytes, wait] = [0, 0, 0, times.first as number];
  let [isEnding, isPausing] = [false, false];
  let fault: string | undefined;
  let missing: string | undefined;
  /** What was sent over this connection and does not count as taken yet. */
  let unsettled: { readonly end: ChainState; readonly at: number }[] = [];
  /** Sequence number of the last record that was sent over this connection. */
  let position = cursor.at().sequence;

  const waiting = () => Math.max(0, audit.safe().sequence - cursor.at().sequence);
  const succeeded = () => {
    if (fault !== undefined) log.info({ receiver: name }, 'the audit log is sent again');
    [fault, wait] = [undefined, times.first];
  };
  const failed = async (error: unknown) => {
    failures++;
    const why = error instanceof Problem ? explain(error) : explainErrno(error);
    if (why !== fault) log.warn({ receiver: name, why }, 'the audit log cannot be sent');
    fault = why;
    waitingBytes = await bytesAfter(file, cursor.at().sequence).catch(() => waitingBytes);
    receiver.close();
    isPausing = true;
    await sleep(wait, undefined, { signal, ref: false }).catch(() => {});
    isPausing = false;
    wait = Math.min(wait * 2, times.most);
  };
  const noteMissing = ([first]: readonly ShippedRecord[]) => {
    const from = Math.max(position, cursor.at().sequence) + 1;
    if (first === undefined || from === 1 || first.record.sequence <= from) return;
    missing = `records ${from} to ${first.record.sequence - 1}`;
    log.error({ receiver: name, missing }, 'records are no longer in the audit log and were not sent');
  };
  /** Moves the cursor over what has lasted long enough. @returns milliseconds until there is more; undefined: nothing is left */
  const settle = async (): Promise<number | undefined> => {
    const due = performance.now() - receiver.settle;
    const end = unsettled.findLast(({ at }) => at <= due)?.end;
    unsettled = unsettled.filter(({ at }) => at > due);
    if (end !== undefined && end.sequence > cursor.at().sequence) await cursor.move(end);
    const [next] = unsettled;
    return next === undefined ? undefined : next.at - due;
  };
  /** @returns false when there was nothing to send */
  const sendNext = async (): Promise<boolean> => {
    const again = await receiver.open(signal);
    if (again > 0) {
      position = Math.max(0, cursor.at().sequence - again);
      unsettled = [];
    }
    const records = await readRecords(file, position, audit.safe().sequence);
    noteMissing(records);
    const last = records.at(-1);
    if (last === undefined) return false;
    await receiver.send(records, signal);
    const { sequence } = last.record;
    [position, sent] = [sequence, sent + records.length];
    unsettled.push({ end: { sequence, hash: last.hash }, at: performance.now() });
    await settle();
    return true;
  };
  const run = async () => {
    if (position > 0 && !(await audit.continues(cursor.at()))) {
      log.warn({ receiver: name }, 'the audit log is not the one that was sent: all of it is sent again');
      position = 0;
      await cursor.move({ sequence: 0, hash: '' }).catch(() => {});
    }
    while (!signal.aborted) {
      try {
        const hadRecords = await sendNext();
        succeeded();
        if (hadRecords) continue;
        waitingBytes = 0;
        const more = await settle();
        if (isEnding) return;
        const timer = more === undefined ? undefined : setTimeout(bell.ring, more).unref();
        await bell.heard();
        clearTimeout(timer);
      } catch (error) {
        if (isEnding) return;
        await failed(error);
      }
    }
  };
  audit.onSafe(bell.ring);
  const running = run();
  return {
    status: () => ({ receiver: name, sent, failures, waiting: waiting(), waitingBytes, fault, missing }),
    stop: async () => {
      isEnding = true;
      bell.ring();
      const timer = setTimeout(() => ending.abort(), isPausing ? 0 : times.end);
      await running;
      clearTimeout(timer);
      ending.abort();
      receiver.close();
    },
  };
}
