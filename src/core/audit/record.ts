import { createHash } from 'node:crypto';
import { type Credentials, sign } from '../credentials/signature.ts';
import type { JsonObject } from '../json.ts';
import type { ReplyOutcome } from '../wire/messages.ts';

/** The subject of a record. */
export interface RequestFields {
  readonly request_id: string;
  readonly try: number;
  readonly run_id: string;
  readonly step: string;
  /** As policies write it, or as the request claims it when nothing proved it. */
  readonly caller: string;
  readonly agent: string;
  readonly action: string;
  readonly dry_run: boolean;
  /** As signed: a sensitive value is replaced by its commitment. */
  readonly arguments: JsonObject;
  /** Milliseconds since the epoch, by the caller's clock. */
  readonly request_time: number;
}

/** Written before anything is done. */
export interface IntentRecord extends RequestFields {
  readonly kind: 'intent';
  /** `verified`, or the code of why the request is not what it claims. */
  readonly verdict: string;
  /** The signed bytes, the signature and the caller's certificate (Base64): a third party can verify the request. */
  readonly request: string;
  readonly request_signature: string;
  readonly caller_certificate: string;
  /** The node that delivered the request, if it was not its caller. */
  readonly relay?: string;
}

/** Written when the reply is known and before it is sent. */
export interface OutcomeRecord {
  readonly kind: 'outcome';
  /** Sequence number of the intent that this ends. */
  readonly intent: number;
  readonly request_id: string;
  readonly try: number;
  readonly outcome: ReplyOutcome;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** True when the outcome of an earlier sending was returned again. */
  readonly recorded: boolean;
}

/** Written when a detached call has ended: its outcome record says that it began. */
export interface EndedRecord extends Omit<OutcomeRecord, 'kind' | 'recorded'> {
  readonly kind: 'ended';
}

/** Written when the daemon starts, changes its certificate, or stops. */
export interface LifeRecord {
  readonly kind: 'started' | 'certificate' | 'stopped';
  readonly version: string;
  /** The node's certificate (DER, Base64), which signs the records from here on. */
  readonly certificate: string;
}

/** What a node sent to another under an operator's ticket. */
export interface ServedEvent {
  readonly application: string;
  readonly revision: string;
  /** Hex. */
  readonly sha256: string;
  /** The signer of the ticket, and the ticket's SHA-256 (hex), which the receiving node recorded. */
  readonly caller: string;
  readonly ticket: string;
  readonly peer: string;
  readonly bytes: number;
  /** Why it was refused or ended early; empty when everything was sent. */
  readonly code: string;
}

/** Written when a transfer to another node has ended, or was refused. */
export interface ServedRecord extends ServedEvent {
  readonly kind: 'served';
}

/** Written when a crash had left half a line: what was cut off (Base64, its first 4 KiB). */
export interface RecoveredRecord {
  readonly kind: 'recovered';
  readonly torn_bytes: number;
  readonly torn: string;
  /** The node's certificate (DER, Base64): its key may be another than before the crash. */
  readonly certificate?: string;
}

/** The first record of every file but the first: what it continues. `previous` is the hash of that file's last line. */
export interface RotatedRecord {
  readonly kind: 'rotated';
  /** The name of the file before, and its sequence numbers. */
  readonly file: string;
  readonly first: number;
  readonly last: number;
  /** The node's certificate (DER, Base64): a file can be verified without those before it. */
  readonly certificate: string;
}

/** A file that retention deletes. */
export interface DeletedFile {
  readonly file: string;
  readonly first: number;
  readonly last: number;
  /** Hash of its last line: where the remaining chain begins. */
  readonly hash: string;
}

/** Written before files are deleted, oldest first, so that a deleted beginning can be distinguished from a lost one. */
export interface DeletedRecord {
  readonly kind: 'deleted';
  readonly files: readonly DeletedFile[];
}

/**
 * The first record of a file that was begun because the one before was moved or changed. `previous` is the hash of the
 * last written record, wherever that is now.
 */
export interface DisplacedRecord {
  readonly kind: 'displaced';
  /**
   * What was at the path: nothing, another file, or the same file with bytes removed or added; `cut`: found at a start.
   */
  readonly found: 'missing' | 'replaced' | 'shortened' | 'lengthened' | 'cut';
  /** The new name of the found file beside the log; empty where there was none. */
  readonly kept: string;
  /** The node's certificate (DER, Base64): the file can be verified without those before it. */
  readonly certificate: string;
}

/** What had happened to the log, for a person. */
export const displacements: Readonly<Record<DisplacedRecord['found'], string>> = {
  missing: 'was moved away or removed',
  replaced: 'was replaced by another file',
  shortened: 'was shortened by another program',
  lengthened: 'was written to by another program',
  cut: 'was moved away or cut while the daemon did not run',
};

export type AuditEvent =
  | IntentRecord
  | OutcomeRecord
  | EndedRecord
  | LifeRecord
  | ServedRecord
  | RecoveredRecord
  | RotatedRecord
  | DisplacedRecord
  | DeletedRecord;

/** The keys of every line besides its event. */
export interface ChainFields {
  /** Format version. */
  readonly v: 1;
  /** From 1, without a gap, over all files. */
  readonly sequence: number;
  /** ISO 8601, by the node's clock. */
  readonly time: string;
  readonly node: string;
  /** SHA-256 (hex) of the line before, without its newline; zeros before the first. */
  readonly previous: string;
}

export type AuditRecord = ChainFields & AuditEvent;

/** A position in a chain: its last line's sequence number and hash. */
export interface ChainState {
  readonly sequence: number;
  readonly hash: string;
}

export const chainStart: ChainState = Object.freeze({ sequence: 0, hash: '0'.repeat(64) });

export function hashLine(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

const signatureKey = ',"signature":"';

/**
 * One line of the log, without a newline: the record as a JSON object whose last key is the node's signature over the
 * object without that key.
 */
export function formatLine(event: AuditEvent, state: ChainState, node: Credentials, now: number): string {
  const { kind, ...fields } = event;
  const chain = {
    v: 1,
    sequence: state.sequence + 1,
    time: new Date(now).toISOString(),
    node: node.identity.name,
    kind,
  };
  const body = JSON.stringify({ ...chain, ...fields, previous: state.hash });
  const signature = sign('audit-record', Buffer.from(body), node.key).toString('base64');
  return `${body.slice(0, -1)}${signatureKey}${signature}"}`;
}

/** A line of a log, unverified. @returns undefined for what is not a record */
export function parseRecord(line: string): AuditRecord | undefined {
  try {
    const record = JSON.parse(line) as AuditRecord;
    return Number.isSafeInteger(record.sequence) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The signed part and the signature of a line, or undefined when it is not of that form. */
export function splitLine(line: string): { body: string; signature: Buffer } | undefined {
  const at = line.lastIndexOf(signatureKey);
  if (at <= 0 || !line.endsWith('"}')) return undefined;
  return {
    body: `${line.slice(0, at)}}`,
    signature: Buffer.from(line.slice(at + signatureKey.length, -2), 'base64'),
  };
}
