import type { X509Certificate } from 'node:crypto';
import { parseCertificate, proveCertificate, type Trust } from '../certificate.ts';
import { Problem } from '../errors.ts';
import { parseJsonObject } from '../json.ts';
import { openRequest } from '../request.ts';
import { verifies } from '../signature.ts';
import { type AuditRecord, type ChainState, chainStart, hashLine, type IntentRecord, splitLine } from './record.ts';

/** The first thing wrong with a log. */
export interface AuditFault {
  /** `edited`, `removed`, `foreign`, `forged-request`, `torn`, `malformed`, `truncated` */
  readonly code: string;
  /** 1 for the first line. */
  readonly line: number;
  readonly message: string;
}

export interface AuditVerdict {
  readonly records: number;
  readonly end: ChainState;
  readonly fault?: AuditFault;
}

/**
 * Walks a log from its first line and stops at the first thing wrong: every line's signature by the node's certificate,
 * every line's hash in the next, every caller's signature. What a file alone can't prove is that no line is missing
 * after its last one: for that give a head that a caller kept.
 * @param text the whole log
 * @param trust authorities that certificates must come from; revocation is not asked, since it comes after the fact
 * @param from where the chain stood before the first line
 * @param head the least that the log must hold
 */
export function verifyAudit(
  text: string,
  trust: Trust,
  from: ChainState = chainStart,
  head?: ChainState,
): AuditVerdict {
  const walk: Walk = { state: from, certificate: undefined, trust: { ...trust, isRevoked: () => false } };
  const lines = text.split('\n');
  const tail = lines.pop() ?? '';
  let headMet = head === undefined || head.sequence <= from.sequence;
  for (const [index, line] of lines.entries()) {
    const fault = stepOver(line, walk);
    if (fault !== undefined) return { records: index, end: walk.state, fault: { ...fault, line: index + 1 } };
    if (head !== undefined && walk.state.sequence === head.sequence) {
      if (walk.state.hash !== head.hash)
        return at(index, walk, 'edited', 'it is not the line whose hash a caller kept');
      headMet = true;
    }
  }
  if (tail !== '') return at(lines.length, walk, 'torn', 'the last line is incomplete, as a crash leaves it');
  if (!headMet) {
    const message = `the log ends at record ${walk.state.sequence}, but a caller holds a head of record ${head?.sequence}`;
    return at(lines.length, walk, 'truncated', message);
  }
  return { records: lines.length, end: walk.state };
}

interface Walk {
  state: ChainState;
  certificate: X509Certificate | undefined;
  readonly trust: Trust;
}

type Fault = Omit<AuditFault, 'line'>;

function at(index: number, walk: Walk, code: string, message: string): AuditVerdict {
  return { records: index, end: walk.state, fault: { code, line: index + 1, message } };
}

function stepOver(line: string, walk: Walk): Fault | undefined {
  const parts = splitLine(line);
  let record: AuditRecord;
  try {
    if (parts === undefined) throw new Problem('malformed', 'it has no signature');
    record = parseJsonObject(line, 'the line') as unknown as AuditRecord;
  } catch (error) {
    return { code: 'malformed', message: `it is no audit record: ${error instanceof Problem ? error.message : error}` };
  }
  const missing = record.sequence - walk.state.sequence - 1;
  if (missing !== 0) {
    const message = missing > 0 ? `${missing} record(s) before it are missing` : 'it stands after a later record';
    return { code: 'removed', message: `record ${record.sequence}: ${message}` };
  }
  if (record.previous !== walk.state.hash) {
    return { code: 'removed', message: `record ${record.sequence} does not continue the record before it` };
  }
  const fault = adoptCertificate(record, walk) ?? checkSignature(parts, record, walk) ?? checkRequest(record, walk);
  walk.state = { sequence: record.sequence, hash: hashLine(line) };
  return fault;
}

/** A record of the daemon's life names the certificate that signs from there on; it must be the same node's. */
function adoptCertificate(record: AuditRecord, walk: Walk): Fault | undefined {
  if (record.kind !== 'started' && record.kind !== 'certificate') return undefined;
  try {
    const certificate = parseCertificate(Buffer.from(record.certificate, 'base64'));
    const { identity } = proveCertificate(certificate, 'node', walk.trust, Date.parse(record.time));
    if (identity.name !== record.node) throw new Problem('wrong-node', `it is the certificate of ${identity.name}`);
    walk.certificate = certificate;
    return undefined;
  } catch (error) {
    const why = error instanceof Problem ? error.message : 'its certificate cannot be read';
    return { code: 'foreign', message: `record ${record.sequence}: ${why}` };
  }
}

function checkSignature(parts: ReturnType<typeof splitLine>, record: AuditRecord, walk: Walk): Fault | undefined {
  if (walk.certificate === undefined) {
    return { code: 'foreign', message: `record ${record.sequence}: no certificate vouches for it` };
  }
  if (parts !== undefined && verifies('audit-record', Buffer.from(parts.body), parts.signature, walk.certificate)) {
    return undefined;
  }
  return { code: 'edited', message: `record ${record.sequence}: the signature of ${record.node} does not hold` };
}

/** What the record says was asked must be what the caller signed. */
function checkRequest(record: AuditRecord, walk: Walk): Fault | undefined {
  if (record.kind !== 'intent' || record.verdict !== 'verified') return undefined;
  const fault = (why: string) => ({ code: 'forged-request', message: `record ${record.sequence}: ${why}` });
  try {
    const certificate = parseCertificate(Buffer.from(record.caller_certificate, 'base64'));
    const bytes = Buffer.from(record.request, 'base64');
    if (!verifies('request', bytes, Buffer.from(record.request_signature, 'base64'), certificate)) {
      return fault('the signature of the caller does not hold');
    }
    proveCertificate(certificate, 'operator', walk.trust, Date.parse(record.time));
    return agrees(record, bytes) ? undefined : fault('it does not say what the caller signed');
  } catch (error) {
    return fault(error instanceof Problem ? error.message : 'the request cannot be read');
  }
}

function agrees(record: IntentRecord, bytes: Buffer): boolean {
  const { request, shown } = openRequest({ request: bytes, signature: bytes, chain: [], sensitive: {} });
  return (
    request.requestId === record.request_id &&
    request.try === record.try &&
    request.runId === record.run_id &&
    request.agent === record.agent &&
    request.action === record.action &&
    JSON.stringify(shown) === JSON.stringify(record.arguments)
  );
}
