import type { X509Certificate } from 'node:crypto';
import type { Trust } from '../credentials/proof.ts';
import { Problem } from '../errors.ts';
import { isObject } from '../json.ts';
import { certificateIn, checkRequest, lineVerifies, parseLine, type RecordFault } from './check-record.ts';
import {
  type AuditRecord,
  type ChainState,
  chainStart,
  hashLine,
  displacements,
  type DisplacedRecord,
} from './record.ts';

/** The first fault of a log. */
export interface AuditFault extends RecordFault {
  /** Name of the file; empty when the log was given as text. */
  readonly file: string;
  /** 1 for the first line of the file. */
  readonly line: number;
}

export interface AuditVerification {
  readonly records: number;
  /** The chain before the first record that is kept. */
  readonly start: ChainState;
  readonly end: ChainState;
  readonly fault?: AuditFault;
}

export interface AuditExpectation {
  /** The chain before the first line; if omitted, the log's own records must account for its beginning. */
  readonly from?: ChainState;
  /** Heads that callers kept: the log must contain each of them, unless retention deleted it. */
  readonly heads?: readonly ChainState[];
}

/**
 * Walks a log from its first line and stops at the first fault: every line's signature by the node's certificate, every
 * line's hash in the next, every caller's signature. A node's files alone cannot prove that no line is missing at the
 * end: heads that callers kept can.
 * @param trust authorities that certificates must come from; revocation is not checked, since it comes later
 */
export function startAuditWalk(trust: Trust, { from, heads = [] }: AuditExpectation = {}): AuditWalk {
  const walk: Walk = {
    start: from,
    state: from ?? chainStart,
    accounted: from !== undefined,
    node: undefined,
    certificate: undefined,
    displaced: undefined,
    trust: { ...trust, isRevoked: () => false },
  };
  const kept = new Map(heads.map(({ sequence, hash }) => [sequence, hash]));
  const forked = heads.find(({ sequence, hash }) => kept.get(sequence) !== hash);
  let records = 0;
  const verification = (fault?: AuditFault): AuditVerification => ({
    records,
    start: walk.start ?? chainStart,
    end: walk.state,
    ...(fault === undefined ? {} : { fault }),
  });
  return {
    step: ({ text, number, torn }, file) => {
      const at = (fault: RecordFault) => verification({ ...fault, file, line: number });
      if (torn) return at({ code: 'torn', message: 'the last line is incomplete, as a crash leaves it' });
      const fault = stepOver(text, walk);
      if (fault !== undefined) return at(fault);
      records++;
      const hash = kept.get(walk.state.sequence);
      if (hash === undefined || hash === walk.state.hash) return undefined;
      return at({ code: 'edited', message: `record ${walk.state.sequence} does not have the hash that a caller kept` });
    },
    end: (first, last) => {
      const { sequence } = walk.start ?? chainStart;
      const why =
        walk.displaced === undefined
          ? 'no record says that they were deleted'
          : `record ${sequence + 1} says that the log ${displacements[walk.displaced]}`;
      if (forked !== undefined) {
        const message = `callers hold two heads of record ${forked.sequence}: the log was rewritten between them`;
        return verification({ code: 'edited', message, ...last });
      }
      if (!walk.accounted && sequence > 0) {
        const message = `records 1 to ${sequence} are missing before it, and ${why}`;
        return verification({ code: 'removed', message, file: first, line: 1 });
      }
      const furthest = Math.max(0, ...kept.keys());
      if (furthest <= walk.state.sequence) return verification();
      const message = `the log ends at record ${walk.state.sequence}, but a caller holds a head of record ${furthest}`;
      return verification({ code: 'truncated', message, ...last });
    },
  };
}

export interface AuditWalk {
  /** @returns the verification when this line is the first with a fault */
  readonly step: (line: { text: string; number: number; torn: boolean }, file: string) => AuditVerification | undefined;
  /** @param first name of the first file @param last where the log ended */
  readonly end: (first: string, last: { file: string; line: number }) => AuditVerification;
}

interface Walk {
  start: ChainState | undefined;
  state: ChainState;
  /** Whether the node itself recorded the deletion of what is missing before the start. */
  accounted: boolean;
  /** The node of the log, by its first record. */
  node: string | undefined;
  certificate: X509Certificate | undefined;
  /** What had happened to the file before, when the first record says so. */
  displaced: DisplacedRecord['found'] | undefined;
  readonly trust: Trust;
}

function stepOver(line: string, walk: Walk): RecordFault | undefined {
  let record: AuditRecord;
  try {
    record = parseLine(line);
  } catch (error) {
    return {
      code: 'malformed',
      message: `it is not an audit record: ${error instanceof Problem ? error.message : error}`,
    };
  }
  const fault =
    begin(record, walk) ?? follow(record, walk) ?? adopt(record, walk) ?? checkSignature(line, record, walk);
  if (fault !== undefined) return fault;
  account(record, walk);
  walk.state = { sequence: record.sequence, hash: hashLine(line) };
  return checkRequest(record, walk.trust);
}

/** A log begins with record 1, or, if earlier files were deleted, with the first record of a file. */
function begin(record: AuditRecord, walk: Walk): RecordFault | undefined {
  if (walk.start !== undefined) return undefined;
  if (record.sequence > 1 && record.kind !== 'rotated' && record.kind !== 'displaced') {
    return { code: 'removed', message: `record ${record.sequence}: it is not the first of a file` };
  }
  if (record.kind === 'displaced') walk.displaced = record.found;
  walk.start = record.sequence === 1 ? chainStart : { sequence: record.sequence - 1, hash: record.previous };
  walk.state = walk.start;
  return undefined;
}

function follow(record: AuditRecord, { state }: Walk): RecordFault | undefined {
  const missing = record.sequence - state.sequence - 1;
  if (missing !== 0) {
    const message = missing > 0 ? `${missing} record(s) before it are missing` : 'it comes after a later record';
    return { code: 'removed', message: `record ${record.sequence}: ${message}` };
  }
  if (record.previous === state.hash) return undefined;
  return { code: 'removed', message: `record ${record.sequence} does not continue the record before it` };
}

/** A record with a certificate names the signer from there on; it must belong to the same node as all before. */
function adopt(record: AuditRecord, walk: Walk): RecordFault | undefined {
  walk.node ??= record.node;
  if (record.node !== walk.node) {
    return {
      code: 'foreign',
      message: `record ${record.sequence} is of ${record.node}, those before are of ${walk.node}`,
    };
  }
  try {
    walk.certificate = certificateIn(record, walk.trust) ?? walk.certificate;
    return undefined;
  } catch (error) {
    const why = error instanceof Problem ? error.message : 'its certificate cannot be read';
    return { code: 'foreign', message: `record ${record.sequence}: ${why}` };
  }
}

function checkSignature(line: string, record: AuditRecord, { certificate }: Walk): RecordFault | undefined {
  if (certificate === undefined) {
    return { code: 'foreign', message: `record ${record.sequence}: no certificate verifies it` };
  }
  if (lineVerifies(line, certificate)) return undefined;
  return { code: 'edited', message: `record ${record.sequence}: the signature of ${record.node} is not valid` };
}

function account(record: AuditRecord, walk: Walk): void {
  // The node has signed it, and may have written anything.
  if (record.kind !== 'deleted' || !Array.isArray(record.files)) return;
  const { sequence, hash } = walk.start ?? chainStart;
  walk.accounted ||= record.files.filter(isObject).some((file) => file.last === sequence && file.hash === hash);
}

/** Verifies a log that is given as text. */
export function verifyAudit(text: string, trust: Trust, from = chainStart, head?: ChainState): AuditVerification {
  const walk = startAuditWalk(trust, { from, heads: head === undefined ? [] : [head] });
  const lines = text.split('\n');
  const tail = lines.pop() ?? '';
  for (const [index, line] of lines.entries()) {
    const wrong = walk.step({ text: line, number: index + 1, torn: false }, '');
    if (wrong !== undefined) return wrong;
  }
  const torn = tail === '' ? undefined : walk.step({ text: tail, number: lines.length + 1, torn: true }, '');
  return torn ?? walk.end('', { file: '', line: lines.length });
}
