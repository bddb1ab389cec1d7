import { once } from '../../core/waiting/concurrency.ts';
import { listAuditFiles } from '../../core/audit/files.ts';
import { signHead } from '../../core/audit/head.ts';
import type { AuditEvent, ChainState } from '../../core/audit/record.ts';
import type { Credentials } from '../../core/credentials/signature.ts';
import type { AuditHead } from '../../core/wire/messages.ts';
import { failed, startAppendQueue } from './append-queue.ts';
import { type AuditFileWriter, openAuditFile } from './audit-file.ts';
import { startChainWriter } from './chain-writer.ts';
import { guardPath } from './continue-displaced.ts';
import { startKnownEnds } from './files/known-ends.ts';
import { type AuditIncident, openAuditNotes } from './notes.ts';
import { type AuditLimits, endless, rotateWhenDue } from './files/rotate.ts';
import { type RecentRecords, readRecent } from './files/tail.ts';

/** The node's audit log, open for writing. */
export interface AuditLog {
  /**
   * Writes a record at the end of the chain.
   * @param durable wait until it is on the disk (fdatasync); else it is there within 100 ms, if the disk keeps up
   * @returns the record's sequence number
   * @throws Problem `audit-failed`
   */
  readonly append: (event: AuditEvent, durable: boolean) => Promise<number>;
  /** The signed end of what is on the disk: a power cut leaves at least that. */
  readonly head: () => AuditHead;
  /** The chain on the disk. */
  readonly safe: () => ChainState;
  /** Calls a function whenever more of the chain is on the disk. */
  readonly onSafe: (listener: () => void) => void;
  /** The records of the last half hour, at most some MiB of them: the memory of a starting daemon. */
  readonly recent: RecentRecords;
  /** Why the log cannot be rotated or old files cannot be deleted. */
  readonly warnings: () => readonly string[];
  /** Whether the chain leads from a head that a caller knows to the current end. */
  readonly continues: (end: ChainState) => Promise<boolean>;
  /** Ends the warnings about changes by other programs. @returns how many there were */
  readonly acknowledge: () => Promise<number>;
  readonly close: () => Promise<void>;
}

const rememberedTime = 30 * 60_000;
const rememberedBytes = 32 * 1024 * 1024;

/**
 * Opens (or begins) a log and continues its chain. Half a line that a crash left is cut off and kept in a record.
 * @param credentials read at every record, so that a renewed certificate signs from then on
 * @param notesFile where the daemon stores its notes about the log, apart from the log; nowhere if omitted
 * @throws Problem `audit-failed` when the file cannot be opened or its last line is not a record
 */
export async function openAuditLog(
  file: string,
  credentials: () => Credentials,
  now: () => number,
  limits: AuditLimits = endless,
  notesFile?: string,
): Promise<AuditLog> {
  const notes = await openAuditNotes(notesFile);
  const known = notes.end();
  const opened = await openFiles(file, now(), known === undefined);
  const { active } = opened;
  let { recent } = opened;
  let faults: readonly string[] = [];
  const cutFrom = known !== undefined && isBehind(active.state, known) ? known : undefined;
  const sync = watchSync(file);
  const ends = startKnownEnds(file, () => chain.end());
  const events = { onSync: sync.onSync, onRecord: ends.add, onSafe: sync.onSafe };
  const chain = startChainWriter(active, credentials, now, events, cutFrom);
  const certificate = () => credentials().certificate.raw;
  const guard = guardPath({ file, active, chain, notes, certificate, now });
  try {
    if (cutFrom !== undefined) {
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
  await recordTorn(active, queue.append, certificate());
  const signedHead = keepSigned();
  return {
    append: queue.append,
    head: () => signedHead(chain.safe(), credentials()),
    safe: chain.safe,
    onSafe: sync.listen,
    recent,
    warnings: () => [...faults, ...sync.faults(), ...notes.faults(), ...notes.incidents().map(warningOf(credentials))],
    acknowledge: notes.acknowledge,
    continues: ends.has,
    close: once(async () => {
      await queue.close();
      chain.stop();
      await active.close();
      await notes.keepEnd(chain.end());
    }),
  };
}

/** @param begins whether the log may begin here: no earlier one is known */
async function openFiles(
  file: string,
  time: number,
  begins: boolean,
): Promise<{ active: AuditFileWriter; recent: RecentRecords }> {
  try {
    const active = await openAuditFile(file);
    const files = await listAuditFiles(file);
    return { active, recent: await readRecent(files, time - rememberedTime, rememberedBytes, begins) };
  } catch (error) {
    throw failed(file, error);
  }
}

/** Why the log cannot be synced to the disk now, and a function that is called when it was. */
function watchSync(file: string) {
  let unsynced: string[] = [];
  const listeners: (() => void)[] = [];
  return {
    onSync: (fault: string | undefined) => {
      unsynced = fault === undefined ? [] : [`the audit log ${file} cannot be synced to the disk: ${fault}`];
    },
    onSafe: () => {
      for (const listener of listeners) listener();
    },
    listen: (listener: () => void) => void listeners.push(listener),
    faults: () => unsynced,
  };
}

/** Stores half a line that a crash left in a record. */
async function recordTorn({ torn }: AuditFileWriter, append: AuditLog['append'], certificate: Buffer): Promise<void> {
  if (torn.length === 0) return;
  const kept = torn.subarray(0, 4096).toString('base64');
  await append(
    { kind: 'recovered', torn_bytes: torn.length, torn: kept, certificate: certificate.toString('base64') },
    true,
  );
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

/** Most replies have the same head as the one before: it is signed once. */
function keepSigned(): (state: ChainState, credentials: Credentials) => AuditHead {
  let last: { readonly state: ChainState; readonly credentials: Credentials; readonly head: AuditHead } | undefined;
  return (state, credentials) => {
    if (last?.state !== state || last.credentials !== credentials) {
      last = { state, credentials, head: signHead(state, credentials) };
    }
    return last.head;
  };
}
