import { type Answer, decode } from 'dns-packet';
import { isNodeName } from '../../core/identity.ts';
import { instanceIn } from './instance.ts';
import { serviceType } from './service.ts';
import { type Claims, parseTxt } from './txt.ts';

/** What one packet says of one instance of the service. */
export interface ServiceAnswer {
  readonly identity: string;
  readonly instance: string;
  /** The host it points to, and with it the node that speaks. */
  readonly target: string;
  readonly port: number;
  readonly addresses: readonly string[];
  /** Undefined when the packet carries no TXT record. */
  readonly claims: Claims | undefined;
  /** The node says good-bye (a life of 0 seconds). */
  readonly leaves: boolean;
}

/** More is never needed for one answer; what a packet may cost is bounded by it. */
const largest = { packet: 4096, records: 64, questions: 16 };
const marker = Buffer.from(`\x0b_${serviceType}`);

/** Whether the bytes could be a packet of that kind and of our service: told from the header, before any decoding. */
function isPlausible(bytes: Buffer, kind: 'response' | 'query'): boolean {
  if (bytes.length < 12 || bytes.length > largest.packet) return false;
  const flags = bytes.readUInt16BE(2);
  const isResponse = (flags & 0x8000) !== 0;
  // Operation and response code must both be 0 (RFC 6762, 18.3 and 18.11).
  if (isResponse !== (kind === 'response') || (flags & 0x780f) !== 0) return false;
  const questions = bytes.readUInt16BE(4);
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  if (questions > largest.questions || records === 0 || records > largest.records) return false;
  // A question takes 5 bytes at least, a record 11.
  return 12 + questions * 5 + records * 11 <= bytes.length && bytes.includes(marker);
}

function decodeRecords(bytes: Buffer, kind: 'response' | 'query'): Answer[] {
  if (!isPlausible(bytes, kind)) return [];
  try {
    const { answers = [], authorities = [], additionals = [] } = decode(bytes);
    return [...answers, ...authorities, ...additionals];
  } catch {
    return [];
  }
}

/** All that a packet says of instances of the service; nothing, whatever is wrong with it. Never throws. */
export function parseAnswers(bytes: Buffer): ServiceAnswer[] {
  return gather(decodeRecords(bytes, 'response'));
}

/** What a probe (RFC 6762, 8.1) wants to claim: a node about to announce itself, or about to take another's name. */
export function parseProbe(bytes: Buffer): ServiceAnswer[] {
  const isProbe = bytes.length >= 12 && bytes.readUInt16BE(8) > 0;
  return isProbe ? gather(decodeRecords(bytes, 'query')) : [];
}

function gather(records: readonly Answer[]): ServiceAnswer[] {
  const answers: ServiceAnswer[] = [];
  for (const record of records) {
    if (record.type !== 'SRV') continue;
    const instance = instanceIn(record.name);
    if (instance === undefined || record.data.port === 0) continue;
    const claims = claimsIn(records, record.name);
    const identity = claims?.identity ?? instance;
    if (!isNodeName(identity)) continue;
    const target = record.data.target.toLowerCase();
    answers.push({
      identity,
      instance,
      target,
      port: record.data.port,
      addresses: addressesIn(records, target),
      claims,
      leaves: record.ttl === 0,
    });
  }
  return answers;
}

function claimsIn(records: readonly Answer[], name: string): (Claims & { identity?: string }) | undefined {
  for (const record of records) {
    if (record.type !== 'TXT' || record.name.toLowerCase() !== name.toLowerCase()) continue;
    const strings = Array.isArray(record.data) ? record.data : [record.data];
    return parseTxt(strings.map((part) => Buffer.from(part)));
  }
  return undefined;
}

function addressesIn(records: readonly Answer[], target: string): string[] {
  const found = new Set<string>();
  for (const record of records) {
    if ((record.type === 'A' || record.type === 'AAAA') && record.name.toLowerCase() === target) found.add(record.data);
  }
  return [...found];
}
