import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainState } from '../../core/audit/record.ts';
import { explain, explainErrno, Problem } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { type AutoResetEvent, defineAutoResetEvent } from './auto-reset-event.ts';
import type { Cursor } from './cursor.ts';
import { bytesAfter, readRecords, type ShippedRecord } from './read-records.ts';
import type { Receiver } from './receiver.ts';

/** The progress of a receiver. */
export interface ShipperStatus {
  readonly receiver: string;
  /** Records that the receiver has received since the daemon started, including repetitions. */
  readonly sent: number;
  /** Attempts that failed. */
  readonly failures: number;
  /** Records of the log that it has not received, and their bytes as last measured. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Why the last attempt failed; undefined on success. */
  readonly fault: string | undefined;
  /** Records that were no longer in the log at their turn. */
  readonly missing: string | undefined;
}

/** Sends the audit log to one receiver, in order, each record at least once, from its files. */
export interface Shipper {
  readonly status: () => ShipperStatus;
  /** Sends the rest if the receiver accepts it at once, then ends. */
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

/** Milliseconds: between two attempts, at first and at most, and for the rest at the end. */
const times = { first: 1000, most: 60_000, end: 2000 } as const;

export function startShipper(setup: ShipperSetup): Shipper {
  const { receiver: name, audit, cursor } = setup;
  const ending = new AbortController();
  const bell = defineAutoResetEvent(ending.signal);
  const state: State = {
    ...{ sent: 0, failures: 0, waitingBytes: 0, wait: times.first, isEnding: false, isPausing: false },
    ...{ fault: undefined, missing: undefined, unsettled: [], position: cursor.at().sequence },
  };
  const shipping = { setup, state, bell, receiver: setup.open(bell.set), signal: ending.signal };
  audit.onSafe(bell.set);
  const running = run(shipping);
  return {
    status: () => {
      const { sent, failures, waitingBytes, fault, missing } = state;
      const waiting = Math.max(0, audit.safe().sequence - cursor.at().sequence);
      return { receiver: name, sent, failures, waiting, waitingBytes, fault, missing };
    },
    stop: async () => {
      state.isEnding = true;
      bell.set();
      const timer = setTimeout(() => ending.abort(), state.isPausing ? 0 : times.end);
      await running;
      clearTimeout(timer);
      ending.abort();
      shipping.receiver.close();
    },
  };
}

interface State {
  sent: number;
  failures: number;
  waitingBytes: number;
  /** Milliseconds to wait after the next failure. */
  wait: number;
  isEnding: boolean;
  /** Whether it waits after a failure. */
  isPausing: boolean;
  fault: string | undefined;
  missing: string | undefined;
  /** Records that were sent over this connection and do not count as received yet. */
  unsettled: { readonly end: ChainState; readonly at: number }[];
  /** Sequence number of the last record that was sent over this connection. */
  position: number;
}

interface Shipping {
  readonly setup: ShipperSetup;
  readonly state: State;
  readonly bell: AutoResetEvent;
  readonly receiver: Receiver;
  readonly signal: AbortSignal;
}

async function run(shipping: Shipping): Promise<void> {
  const { setup, state, bell, signal } = shipping;
  await beginAgainIfOther(shipping);
  while (!signal.aborted) {
    try {
      const hadRecords = await sendNext(shipping);
      if (state.fault !== undefined) setup.log.info({ receiver: setup.receiver }, 'the audit log is sent again');
      [state.fault, state.wait] = [undefined, times.first];
      if (hadRecords) continue;
      state.waitingBytes = 0;
      const more = await settle(shipping);
      if (state.isEnding) return;
      const timer = more === undefined ? undefined : setTimeout(bell.set, more).unref();
      await bell.wait();
      clearTimeout(timer);
    } catch (error) {
      if (state.isEnding) return;
      await waitAfter(error, shipping);
    }
  }
}

/** The file may have been replaced since the cursor was stored. */
async function beginAgainIfOther({ setup: { audit, cursor, log, receiver }, state }: Shipping): Promise<void> {
  if (state.position === 0 || (await audit.continues(cursor.at()))) return;
  log.warn({ receiver }, 'the audit log is not the one that was sent: all of it is sent again');
  state.position = 0;
  await cursor.move({ sequence: 0, hash: '' }).catch(() => {});
}

/** @returns false when there was nothing to send */
async function sendNext(shipping: Shipping): Promise<boolean> {
  const { setup, state, receiver, signal } = shipping;
  const again = await receiver.open(signal);
  if (again > 0) {
    state.position = Math.max(0, setup.cursor.at().sequence - again);
    state.unsettled = [];
  }
  const records = await readRecords(setup.file, state.position, setup.audit.safe().sequence);
  noteMissing(records, shipping);
  const last = records.at(-1);
  if (last === undefined) return false;
  await receiver.send(records, signal);
  const { sequence } = last.record;
  state.position = sequence;
  state.sent += records.length;
  state.unsettled.push({ end: { sequence, hash: last.hash }, at: performance.now() });
  await settle(shipping);
  return true;
}

/**
 * Moves the cursor past records whose connection has lasted long enough. @returns milliseconds until there is more;
 * undefined: nothing is left
 */
async function settle({ setup: { cursor }, state, receiver }: Shipping): Promise<number | undefined> {
  const due = performance.now() - receiver.settle;
  const end = state.unsettled.findLast(({ at }) => at <= due)?.end;
  state.unsettled = state.unsettled.filter(({ at }) => at > due);
  if (end !== undefined && end.sequence > cursor.at().sequence) await cursor.move(end);
  const [next] = state.unsettled;
  return next === undefined ? undefined : next.at - due;
}

function noteMissing([first]: readonly ShippedRecord[], { setup: { cursor, log, receiver }, state }: Shipping): void {
  const from = Math.max(state.position, cursor.at().sequence) + 1;
  if (first === undefined || from === 1 || first.record.sequence <= from) return;
  state.missing = `records ${from} to ${first.record.sequence - 1}`;
  log.error({ receiver, missing: state.missing }, 'records are no longer in the audit log and were not sent');
}

/** After a failure: logs it once, and waits longer each time. */
async function waitAfter(error: unknown, { setup, state, receiver, signal }: Shipping): Promise<void> {
  state.failures++;
  const why = error instanceof Problem ? explain(error) : explainErrno(error);
  if (why !== state.fault) setup.log.warn({ receiver: setup.receiver, why }, 'the audit log cannot be sent');
  state.fault = why;
  state.waitingBytes = await bytesAfter(setup.file, setup.cursor.at().sequence).catch(() => state.waitingBytes);
  receiver.close();
  state.isPausing = true;
  await sleep(state.wait, undefined, { signal, ref: false }).catch(() => {});
  state.isPausing = false;
  state.wait = Math.min(state.wait * 2, times.most);
}
