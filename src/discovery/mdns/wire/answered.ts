import { serviceDomain } from '../service.ts';
import { type Header, parseHeader } from './header.ts';
import { nameOf, readName } from './name.ts';

const recordType = { PTR: 12 } as const;
const classIn = 1;
/** The bit of a question's class that asks for an answer by unicast (RFC 6762, 5.4). */
const unicastFlag = 0x8000;
/** Half of the lifetime with which a node announces its pointers, in seconds. */
const halfLifetime = 2250;

const domain = nameOf(serviceDomain.split('.'));
const subtypes = nameOf(['_sub']) + domain;

/**
 * Whether a query needs no answer of this node, because its known answers contain it (RFC 6762, 7.1): it asks only for
 * instances of the service, or of its subtypes, and has a pointer to this node's own for each question, with half of
 * its lifetime left. False for a packet that may ask for anything else.
 *
 * @param instance this node's own, one label
 */
export function isAnswered(packet: Buffer, instance: string): boolean {
  const header = parseHeader(packet);
  const questions = header && readServiceQuestions(packet, header);
  // The number of answers (RFC 1035, 4.1.1): the packet has nothing else.
  if (questions === undefined || packet.readUInt16BE(6) !== header?.records) return false;
  const { asked } = questions;
  let at = questions.end;
  const own = nameOf([instance]) + domain;
  for (let answer = 0; answer < header.records; answer++) {
    const owner = readName(packet, at);
    if (owner === undefined || owner.end + 10 > packet.length) return false;
    const data = owner.end + 10;
    at = data + packet.readUInt16BE(owner.end + 8);
    if (packet.readUInt16BE(owner.end) !== recordType.PTR || packet.readUInt16BE(owner.end + 2) !== classIn) continue;
    const target = readName(packet, data);
    const isOwn = target?.end === at && target.text === own;
    if (isOwn && packet.readUInt32BE(owner.end + 4) >= halfLifetime) asked.delete(owner.text);
  }
  return at === packet.length && asked.size === 0;
}

/** The names in the questions of a packet, and where these end; undefined if one may ask for anything but instances of the service. */
export function readServiceQuestions(
  packet: Buffer,
  { kind, questions }: Header,
): { readonly asked: Set<string>; readonly end: number } | undefined {
  if (kind !== 'query' || questions === 0) return undefined;
  const asked = new Set<string>();
  let at = 12;
  for (let question = 0; question < questions; question++) {
    const name = readName(packet, at);
    if (name === undefined || name.end + 4 > packet.length || !isOfService(name.text)) return undefined;
    if (packet.readUInt16BE(name.end) !== recordType.PTR) return undefined;
    if ((packet.readUInt16BE(name.end + 2) & ~unicastFlag) !== classIn) return undefined;
    asked.add(name.text);
    at = name.end + 4;
  }
  return { asked, end: at };
}

/** Whether a name is that of the service, or of one of its subtypes (RFC 6763, 7.1). */
function isOfService(text: string): boolean {
  return text === domain || text.slice(1 + text.charCodeAt(0)) === subtypes;
}
