import { createHash } from 'node:crypto';
import { readServiceQuestions } from './answered.ts';
import { parseHeader } from './header.ts';

/** A pseudo-record that any responder accepts and whose unknown options it ignores (RFC 6891, 6.1). */
const optType = 41;
/** One of the codes that nobody assigns (RFC 6891, 9). */
const optionCode = 65_316;
/** The bytes before the digests: root, type, size of packets, flags, length of the data, and code and length of the option. */
const bytesBefore = 1 + 2 + 2 + 4 + 2 + 2 + 2;
/** The size of packets that the sender takes. */
const payload = 1440;
const digestBytes = 4;

/** The maximum number of instances in a packet with this record: it stays one packet. */
export const mostDigests = 320;

/**
 * Instances that need not answer a question, as a record of four bytes each, for the end of its packet. As known answers
 * (RFC 6762, 7.1) a hundred names take three packets, and each node reads all of them, by each address family.
 *
 * @param id of the question: two names that have one digest have different ones in the next question
 */
export function encodeDigests(id: number, instances: readonly string[]): Buffer {
  const record = Buffer.alloc(bytesBefore);
  const length = instances.length * digestBytes;
  record.writeUInt16BE(optType, 1);
  record.writeUInt16BE(payload, 3);
  record.writeUInt16BE(4 + length, 9);
  record.writeUInt16BE(optionCode, 11);
  record.writeUInt16BE(length, 13);
  return Buffer.concat([record, ...instances.map((instance) => digestOf(id, instance))]);
}

/**
 * Whether a query needs no answer of this node because it lists the node's digest: it asks only for instances of the
 * service, and has one record besides, with digests. False for a packet that may have anything else.
 *
 * @param instance this node's own, one label
 */
export function isListed(packet: Buffer, instance: string): boolean {
  const header = parseHeader(packet);
  // One record, and that additional (RFC 1035, 4.1.1).
  if (header?.records !== 1 || packet.readUInt16BE(10) !== 1) return false;
  const at = readServiceQuestions(packet, header)?.end;
  if (at === undefined || at + bytesBefore > packet.length) return false;
  const digests = packet.subarray(at + bytesBefore);
  if (packet[at] !== 0 || packet.readUInt16BE(at + 1) !== optType || packet.readUInt16BE(at + 11) !== optionCode)
    return false;
  if (packet.readUInt16BE(at + 9) !== 4 + digests.length || packet.readUInt16BE(at + 13) !== digests.length)
    return false;
  const own = digestOf(packet.readUInt16BE(0), instance).readUInt32BE();
  for (let digest = 0; digest + digestBytes <= digests.length; digest += digestBytes)
    if (digests.readUInt32BE(digest) === own) return true;
  return false;
}

function digestOf(id: number, instance: string): Buffer {
  const text = `${id} ${instance.toLowerCase()}`;
  return createHash('sha256').update(text).digest().subarray(0, digestBytes);
}
