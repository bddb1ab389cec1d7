import type { X509Certificate } from 'node:crypto';
import { certificateIn, checkRequest, lineVerifies, parseLine } from '../../core/audit/check-record.ts';
import { type AuditRecord, hashLine } from '../../core/audit/record.ts';
import type { Trust } from '../../core/credentials/proof.ts';
import { Problem } from '../../core/errors.ts';

/** A disagreement, or an invalid record. */
export interface TraceFinding {
  readonly node: string;
  readonly code: string;
  readonly message: string;
  /**
   * True where a record is missing and the node itself reported that at the time, in a signed reply or at the
   * handshake.
   */
  readonly admitted?: true;
}

/** The records that a node returned for a run. */
export interface NodeRecords {
  readonly node: string;
  readonly lines: readonly string[];
  readonly certificates: readonly string[];
}

/** A record that the node signed, and its line. */
export interface SignedRecord {
  readonly record: AuditRecord;
  readonly line: string;
}

export interface CheckedRecords {
  readonly node: string;
  /** The signed ones, in the order of the log. */
  readonly records: readonly SignedRecord[];
  /** Hash of each valid record, by its sequence number. */
  readonly hashes: ReadonlyMap<number, string>;
  readonly findings: readonly TraceFinding[];
}

/** Checks each record's signature by the node and each request's by its caller. */
export function checkRecords({ node, lines, certificates }: NodeRecords, trust: Trust): CheckedRecords {
  const findings: TraceFinding[] = [];
  const find = (code: string, message: string) => findings.push({ node, code, message });
  const signers = certificates.flatMap((line) => signerIn(line, node, trust, find));
  const records: SignedRecord[] = [];
  const hashes = new Map<number, string>();
  for (const line of lines) {
    const record = attempt(() => parseLine(line), find);
    if (record === undefined) continue;
    if (record.node !== node || !signers.some((signer) => lineVerifies(line, signer))) {
      find('edited', `record ${record.sequence}: the signature of ${node} is not valid`);
      continue;
    }
    const fault = checkRequest(record, { ...trust, isRevoked: () => false });
    if (fault !== undefined) find(fault.code, fault.message);
    records.push({ record, line });
    hashes.set(record.sequence, hashLine(line));
  }
  return { node, records, hashes, findings };
}

type Find = (code: string, message: string) => unknown;

function signerIn(line: string, node: string, trust: Trust, find: Find): X509Certificate[] {
  const signer = attempt(() => {
    const record = parseLine(line);
    const certificate = certificateIn(record, { ...trust, isRevoked: () => false });
    const holds = certificate !== undefined && record.node === node && lineVerifies(line, certificate);
    if (!holds) throw new Problem('foreign', `record ${record.sequence} contains no certificate of ${node}`);
    return certificate;
  }, find);
  return signer === undefined ? [] : [signer];
}

function attempt<T>(work: () => T, find: Find): T | undefined {
  try {
    return work();
  } catch (error) {
    find(
      error instanceof Problem ? error.code : 'malformed',
      error instanceof Problem ? error.message : 'it is not a record',
    );
    return undefined;
  }
}
