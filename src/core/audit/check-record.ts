import type { X509Certificate } from 'node:crypto';
import { parseCertificate } from '../credentials/certificate.ts';
import { proveCertificate, type Trust } from '../credentials/proof.ts';
import { Problem } from '../errors.ts';
import { parseJsonObject } from '../json.ts';
import { openRequest } from '../request/request.ts';
import { verifies } from '../credentials/signature.ts';
import { type AuditRecord, type IntentRecord, splitLine } from './record.ts';

/** The fault of a record. */
export interface RecordFault {
  /** `edited`, `removed`, `foreign`, `forged-request`, `malformed` */
  readonly code: string;
  readonly message: string;
}

/** @throws Problem `malformed` when the line is not a signed object */
export function parseLine(line: string): AuditRecord {
  if (splitLine(line) === undefined) throw new Problem('malformed', 'it has no signature');
  const record = parseJsonObject(line, 'the line');
  if (!Number.isSafeInteger(record.sequence) || typeof record.kind !== 'string') {
    throw new Problem('malformed', 'it has no sequence number or kind');
  }
  return record as unknown as AuditRecord;
}

const bringers: ReadonlySet<string> = new Set(['started', 'certificate', 'rotated', 'displaced', 'recovered']);

/** The certificate (DER, Base64) in a record that names who signs from there on; undefined for any other record. */
export function signerNamedIn(record: { readonly kind: string; readonly certificate?: unknown }): string | undefined {
  if (!bringers.has(record.kind) || record.certificate === undefined) return undefined;
  return String(record.certificate);
}

/**
 * The certificate in a record, which signs from there on; undefined for a record without one.
 * @throws Problem when it is not the certificate of the node that the record names
 */
export function certificateIn(record: AuditRecord, trust: Trust): X509Certificate | undefined {
  const named = signerNamedIn(record);
  if (named === undefined) return undefined;
  const certificate = parseCertificate(Buffer.from(named, 'base64'));
  const { identity } = proveCertificate(certificate, 'node', trust, Date.parse(record.time));
  if (identity.name !== record.node) throw new Problem('wrong-node', `it is the certificate of ${identity.name}`);
  return certificate;
}

export function lineVerifies(line: string, certificate: X509Certificate): boolean {
  const parts = splitLine(line);
  return parts !== undefined && verifies('audit-record', Buffer.from(parts.body), parts.signature, certificate);
}

/** The call in the record must match the request that the caller signed. */
export function checkRequest(record: AuditRecord, trust: Trust): RecordFault | undefined {
  if (record.kind !== 'intent' || record.verdict !== 'verified') return undefined;
  const fault = (why: string) => ({ code: 'forged-request', message: `record ${record.sequence}: ${why}` });
  try {
    const certificate = parseCertificate(Buffer.from(record.caller_certificate, 'base64'));
    const bytes = Buffer.from(record.request, 'base64');
    if (!verifies('request', bytes, Buffer.from(record.request_signature, 'base64'), certificate)) {
      return fault('the signature of the caller is not valid');
    }
    const { identity } = proveCertificate(certificate, 'operator', trust, Date.parse(record.time));
    if (record.caller !== `cert=${identity.name}`) return fault(`it was signed by ${identity.name}`);
    return agrees(record, bytes) ? undefined : fault('it does not contain what the caller signed');
  } catch (error) {
    return fault(error instanceof Problem ? error.message : 'the request cannot be read');
  }
}

function agrees(record: IntentRecord & { readonly node: string }, bytes: Buffer): boolean {
  const { request, shown } = openRequest({ request: bytes, signature: bytes, chain: [], sensitive: {} });
  return (
    request.requestId === record.request_id &&
    request.try === record.try &&
    request.runId === record.run_id &&
    request.step === record.step &&
    request.agent === record.agent &&
    request.action === record.action &&
    request.dryRun === record.dry_run &&
    request.issuedAt === record.request_time &&
    JSON.stringify(shown) === JSON.stringify(record.arguments)
  );
}
