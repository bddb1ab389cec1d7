import { type Answer, decode } from 'dns-packet';
import { isNodeName } from '../../../core/identity.ts';
import { type Header, mentions, parseHeader } from './header.ts';
import { instanceIn } from './instance.ts';
import { serviceType } from '../service.ts';
import { type ClaimedTerms, parseTxt } from './txt.ts';

/** The content of one packet about one instance of the service. */
export interface ServiceAnswer {
  readonly identity: string;
  readonly instance: string;
  /** The host it points to, which is the speaking node. */
  readonly target: string;
  readonly port: number;
  readonly addresses: readonly string[];
  /** Undefined when the packet has no TXT record. */
  readonly claims: ClaimedTerms | undefined;
  /** The node says good-bye (a lifetime of 0 seconds). */
  readonly leaves: boolean;
}

const marker = `_${serviceType}`;

function decodeRecords(bytes: Buffer, kind: Header['kind']): Answer[] {
  const header = parseHeader(bytes);
  if (header?.kind !== kind || header.records === 0 || !mentions(bytes, [marker])) return [];
  try {
    const { answers = [], authorities = [], additionals = [] } = decode(bytes);
    return [...answers, ...authorities, ...additionals];
  } catch {
    return [];
  }
}

/** All instances of the service in a packet; nothing, if it has any fault. Never throws. */
export function parseAnswers(bytes: Buffer): ServiceAnswer[] {
  return gather(decodeRecords(bytes, 'response'));
}

/** The claims of a probe (RFC 6762, 8.1): a node about to announce itself, or about to take another's name. */
export function parseProbe(bytes: Buffer): ServiceAnswer[] {
  return parseHeader(bytes)?.authorities ? gather(decodeRecords(bytes, 'query')) : [];
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

function claimsIn(records: readonly Answer[], name: string): (ClaimedTerms & { identity?: string }) | undefined {
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
