import { listAuditFiles } from '../../core/audit/files.ts';
import { signHead } from '../../core/audit/head.ts';
import type { AuditEvent, ChainState } from '../../core/audit/record.ts';
import type { Credentials } from '../../core/credentials/signature.ts';
import type { AuditHead } from '../../core/wire/messages.ts';
import { failed, startAppendQueue } from './append-queue.ts';
import { type AuditFileWriter, openAuditFile } from './audit-file.ts';
import { startChainWriter } from './chain-writer.ts';
import { guardPath } from './continue-displaced.ts';
import { startKnownEnds } from './known-ends.ts';
import { type AuditIncident, openAuditNotes } from './notes.ts';
import { type AuditLimits, endless, rotateWhenDue } from './rotate.ts';
import { type RecentRecords, readRecent } from './tail.ts';

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
  /** Where the chain stands on the disk. */
  readonly safe: () => ChainState;
  /** Calls a function whenever more of the chain is on the disk. */
  readonly onSafe: (listener: () => void) => void;
  /** The records of the last half hour, of at most some MiB: what a starting daemon remembers. */
  readonly recent: RecentRecords;
  /** What keeps the log from being rotated or old files from being deleted. */
  readonly warnings: () => readonly string[];
  /** Whether the chain leads from where a caller knows that it ended to where it ends now. */
  readonly continues: (end: ChainState) => Promise<boolean>;
  /** Ends the warnings about what others did to the log. @returns how many there were */
  readonly acknowledge: () => Promise<number>;
  readonly close: () => Promise<void>;
}

const rememberedTime = 30 * 60_000;
const rememberedBytes = 32 * 1024 * 1024;

/**
 * Opens (or begins) a log and continues its chain. Half a line that a crash left is cut off and kept in a record.
 * @param credentials asked for at every record, so that a renewed certificate signs from then on
 * @param notesFile where the daemon keeps what it knows of the log apart from the log; left out, nowhere
 * @throws Problem `audit-failed` when the file cannot be opened or its last line is not a record
 */
export async function openAuditLog(
  file: string,
  credentials: () => Credentials,
  now: () => number,
  limits: AuditLimits = endless,
  notesFile?: string,
): Promise<AuditLog> {
  let active: AuditFileWriter;
  let recent: RecentRecords;
  const notes = await openAuditNotes(notesFile);
  const known = notes.end();
  try {
    active = await openAuditFile(file);
    const files = await listAuditFiles(file);
    recent = await readRecent(files, now() - rememberedTime, rememberedBytes, known === undefined);
  } catch (error) {
    throw failed(file, error);
  }
  let isClosed = false;
  let faults: readonly string[] = [];
  const isCut = known !== undefined && isBehind(active.state, known);
  let unsynced: string[] = [];
  const onSync = (fault: string | undefined) => {
    unsynced = fault === undefined ? [] : [`the audit log ${file} cannot be synced to the disk: ${fault}`];
  };
  const safeListeners: (() => void)[] = [];
  const onSafe = () => {
    for (const listener of safeListeners) listener();
  };
  const ends = startKnownEnds(file, () => chain.end());
  const chain = startChainWriter(
    active,
    credentials,
    now,
    { onSync, onRecord: ends.add, onSafe },
    isCut ? known : active.state,
  );
  const certificate = () => credentials().certificate.raw;
  const guard = guardPath({ file, active, chain, notes, certificate, now });
  try {
    if (isCut) {
      await guard.beginAgain('cut');
      recent = { records: [], completeSince: now() };
    }
    await active.sync();
  } catch (error) {
    throw failed(file, error);
  }
  await notes.keepEnd(chain.end());
  const queue = startAppendQueue(file, active, chain, async () => {
    await guard.check();
    const rotated = await rotateWhenDue(active, chain, { file, limits, now });
    if (rotated !== undefined) await notes.keepEnd(chain.safe());
    faults = rotated ?? faults;
  });
  const signedHead = keepSigned();
  if (active.torn.length > 0) {
    const torn = active.torn.subarray(0, 4096).toString('base64');
    await queue.append({ kind: 'recovered', torn_bytes: active.torn.length, torn }, true);
  }
  return {
    append: queue.append,
    head: () => signedHead(chain.safe(), credentials()),
    safe: chain.safe,
    onSafe: (listener) => void safeListeners.push(listener),
    recent,
    warnings: () => [...faults, ...unsynced, ...notes.faults(), ...notes.incidents().map(warningOf(credentials))],
    acknowledge: notes.acknowledge,
    continues: ends.has,
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await queue.close();
      chain.stop();
      await active.close();
      await notes.keepEnd(chain.end());
    },
  };
}

/** Whether the file ends before, or differs at, a record that was on the disk. */
function isBehind(state: ChainState, known: ChainState): boolean {
  return state.sequence < known.sequence || (state.sequence === known.sequence && state.hash !== known.hash);
}

function warningOf(credentials: () => Credentials): (incident: AuditIncident) => string {
  const { name } = credentials().identity;
  return ({ at, what }) =>
    `${what} (${at}); find out who did it, then end this warning with “mco-deploy rpc audit acknowledge -I ${name}”`;
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
