import { signerNamedIn } from '../../core/audit/check-record.ts';
import { type AuditEvent, type ChainState, formatLine, hashLine } from '../../core/audit/record.ts';
import { explainErrno } from '../../core/errors.ts';
import type { Credentials } from '../../core/credentials/signature.ts';
import type { AuditFileWriter } from './audit-file.ts';
import { startDelayedSync } from './delayed-sync.ts';

export interface ChainListeners {
  /** Receives why records that need not be durable could not be synced; undefined once they are. */
  readonly onSync: (fault: string | undefined) => void;
  /** Receives the chain after each written record. */
  readonly onRecord: (end: ChainState) => void;
  /** Called when more of the chain is on the disk. */
  readonly onSafe: () => void;
}

/** A record to be written; `durable`: its batch is synced to the disk before `write` resolves. */
export interface ChainEntry {
  readonly event: AuditEvent;
  readonly durable: boolean;
}

/** The end of the chain: it links each record to the one before and signs it. */
export interface ChainWriter {
  /**
   * Writes entries together; an empty file begins with a record about the file before it. @returns their sequence
   * numbers
   */
  readonly write: (entries: readonly ChainEntry[]) => Promise<number[]>;
  /** The end of the chain. */
  readonly end: () => ChainState;
  /** The end of the chain on the disk: a power cut leaves at least that. */
  readonly safe: () => ChainState;
  /** Stops the delayed syncs. */
  readonly stop: () => void;
}

/** @param from the position in the chain; if omitted, the end of the file */
export function startChainWriter(
  file: AuditFileWriter,
  credentials: () => Credentials,
  now: () => number,
  { onSync, onRecord, onSafe }: ChainListeners,
  from: ChainState = file.state,
): ChainWriter {
  let state = from;
  let safe = state;
  // A new key signs from the record on that brings its certificate: what waited before that is signed with the old one.
  let signer = credentials();
  const moveSafe = (to: ChainState) => {
    safe = to;
    onSafe();
  };
  const delayed = startDelayedSync(async () => {
    const written = state;
    try {
      await file.sync();
      if (written.sequence > safe.sequence) moveSafe(written);
      onSync(undefined);
    } catch (error) {
      // A change's records are synced before its reply, and would report the same error there.
      onSync(explainErrno(error));
    }
  });
  return {
    write: async (entries) => {
      const opening = openingOf(file, credentials());
      const all = [...opening, ...entries];
      const time = now();
      const { lines, ends, last } = linkLines(all, state, { from: signer, to: credentials() }, time);
      const durable = all.some((entry) => entry.durable);
      await file.write(Buffer.from(`${lines.join('\n')}\n`), durable, state.sequence + 1, time);
      const first = state.sequence + 1 + opening.length;
      state = ends.at(-1) ?? state;
      signer = last;
      for (const end of ends) onRecord(end);
      if (durable) moveSafe(state);
      else delayed.schedule();
      return entries.map((_, index) => first + index);
    },
    end: () => state,
    safe: () => safe,
    stop: delayed.stop,
  };
}

/** The first record of a file that follows another one. */
function openingOf(active: AuditFileWriter, credentials: Credentials): ChainEntry[] {
  const before = active.before();
  if (before === undefined) return [];
  const { file, first, last } = before;
  const certificate = credentials.certificate.raw.toString('base64');
  return [{ event: { kind: 'rotated', file, first, last, certificate }, durable: true }];
}

/** @param signers who signed the last record, and who signs from the first one on that brings its certificate */
function linkLines(
  entries: readonly ChainEntry[],
  from: ChainState,
  signers: { readonly from: Credentials; readonly to: Credentials },
  time: number,
) {
  const ends: ChainState[] = [];
  let last = signers.from;
  const certificate = signers.to.certificate.raw.toString('base64');
  const lines = entries.map(({ event }) => {
    if (signerNamedIn(event) === certificate) last = signers.to;
    const before = ends.at(-1) ?? from;
    const line = formatLine(event, before, last, time);
    ends.push({ sequence: before.sequence + 1, hash: hashLine(line) });
    return line;
  });
  return { lines, ends, last };
}
