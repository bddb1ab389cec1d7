import { parseHeader } from './header.ts';
import { nameBytes, readName } from './name.ts';

const recordType = { PTR: 12 } as const;

/**
 * A query with the known answers of other instances left out (RFC 6762, 7.1): they say nothing to this node, and a
 * question among a hundred nodes has a hundred of them, which the responder would decode at every node. Whatever is not
 * surely the pointer to another instance stays, and so does a packet that has anything else to say.
 *
 * @param instance this node's own, one label
 */
export function dropOthersAnswers(packet: Buffer, instance: string): Buffer {
  const header = parseHeader(packet);
  if (header?.kind !== 'query' || header.records === 0) return packet;
  const { questions, records: answers } = header;
  // The number of answers (RFC 1035, 4.1.1): the packet has nothing else.
  if (packet.readUInt16BE(6) !== answers) return packet;
  const asked = endOfQuestions(packet, questions);
  const found = asked === undefined ? undefined : readPointers(packet, asked, answers);
  if (asked === undefined || found === undefined) return packet;
  const own = found.filter(({ label }) => label === instance.toLowerCase());
  if (own.length === answers) return packet;
  const whole = own.flatMap(({ start }) => wholePointer(packet, start) ?? []);
  if (whole.length < own.length) return packet;
  const kept = Buffer.concat([packet.subarray(0, asked), ...whole]);
  kept.writeUInt16BE(whole.length, 6);
  return kept.length < packet.length ? kept : packet;
}

/** A PTR record, by its place in the packet. */
interface Pointer {
  readonly start: number;
  /** The first label of what it points to. */
  readonly label: string;
}

function endOfQuestions(packet: Buffer, questions: number): number | undefined {
  let at = 12;
  for (let question = 0; question < questions; question++) {
    const name = skipName(packet, at);
    if (name === undefined) return undefined;
    at = name.end + 4;
  }
  return at <= packet.length ? at : undefined;
}

/** All answers; undefined if one is not a pointer to an instance, or the packet does not end with the last. */
function readPointers(packet: Buffer, asked: number, answers: number): Pointer[] | undefined {
  const found: Pointer[] = [];
  let start = asked;
  for (let answer = 0; answer < answers; answer++) {
    const owner = skipName(packet, start);
    if (owner === undefined || owner.end + 10 > packet.length) return undefined;
    const data = owner.end + 10;
    const end = data + packet.readUInt16BE(owner.end + 8);
    const target = skipName(packet, data);
    if (packet.readUInt16BE(owner.end) !== recordType.PTR || target?.end !== end) return undefined;
    // A pointer to a type of service, or a name that is a pointer as a whole.
    if (target.label === '' || target.label.startsWith('_')) return undefined;
    found.push({ start, label: target.label });
    start = end;
  }
  return start === packet.length ? found : undefined;
}

/** The record with its names in full: they may point to records that are left out. Undefined if one is damaged. */
function wholePointer(packet: Buffer, start: number): Buffer | undefined {
  const owner = readName(packet, start);
  const target = owner && readName(packet, owner.end + 10);
  if (owner === undefined || target === undefined) return undefined;
  const data = nameBytes(target.text);
  const fixed = Buffer.from(packet.subarray(owner.end, owner.end + 10));
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([nameBytes(owner.text), fixed, data]);
}

/** The first label of a name in lower case (empty where the name starts with a pointer), and where the name ends. */
function skipName(packet: Buffer, start: number): { label: string; end: number } | undefined {
  let label = '';
  for (let at = start; at < packet.length; ) {
    const length = packet[at] ?? 0;
    if (length === 0) return { label, end: at + 1 };
    if (length >= 0xc0) return at + 2 > packet.length ? undefined : { label, end: at + 2 };
    if (length > 63) return undefined;
    if (at === start) label = packet.toString('utf8', at + 1, at + 1 + length).toLowerCase();
    at += 1 + length;
  }
  return undefined;
}
