import { crc32 } from 'node:zlib';
import { Problem } from '../../../core/errors.ts';

/** The packets of NRPE's protocol: 2 has a fixed size; 3 and 4 differ only in their padding. */
export type PacketVersion = 2 | 3 | 4;

export interface Answer {
  /** The plugin's exit code. */
  readonly code: number;
  /** What it printed. */
  readonly text: string;
}

const query = 1;
const response = 2;
/** Bytes: version, type, checksum and result; then, from version 3 on, two unused ones and the length of the text. */
const shortHeader = 10;
const longHeader = 16;
const fixedText = 1024;
const fixedPacket = 1036;
const padding = { 3: 3, 4: 0 } as const;
/** Bytes of a text, as NRPE itself bounds it. */
export const longestText = 64 * 1024;

/** @throws Problem `bad-query` for a line that the version cannot carry */
export function makeQuery(line: string, version: PacketVersion): Buffer {
  const text = Buffer.from(line);
  if (version === 2 && text.length >= fixedText) {
    throw new Problem('bad-query', `a packet of version 2 cannot carry ${text.length} bytes`, 'set “packet: 4”');
  }
  // Never shorter than a packet of version 2: some daemons read as much in any case.
  const size = version === 2 ? fixedPacket : Math.max(fixedPacket, longHeader + text.length + 1 + padding[version]);
  const packet = Buffer.alloc(size);
  packet.writeInt16BE(version, 0);
  packet.writeInt16BE(query, 2);
  if (version !== 2) packet.writeInt32BE(size - longHeader - padding[version], 12);
  text.copy(packet, version === 2 ? shortHeader : longHeader);
  packet.writeUInt32BE(crc32(packet), 4);
  return packet;
}

/** The length of the packet that begins with these bytes, as soon as it is known. @throws Problem `nrpe-bad-answer` */
export function packetLength(start: Buffer, version: PacketVersion): number | undefined {
  if (version === 2) return fixedPacket;
  if (start.length < longHeader) return undefined;
  if (start.readInt16BE(0) === 2) return fixedPacket;
  const length = start.readInt32BE(12);
  if (length < 0 || length > longestText) throw bad(`it announces ${length} bytes`);
  return longHeader + length + padding[version];
}

/** @throws Problem `nrpe-bad-answer` for an invalid response, a damaged one, or another version */
export function parseAnswer(packet: Buffer, version: PacketVersion): Answer {
  if (packet.length === 0) {
    throw bad('there is none', 'does it allow this host (allowed_hosts) and arguments (dont_blame_nrpe)?');
  }
  if (packet.length < shortHeader || packet.length < (packetLength(packet, version) ?? longHeader)) {
    throw bad('it ends early');
  }
  const spoken = packet.readInt16BE(0);
  if (spoken !== version) throw bad(`it is a packet of version ${spoken}, not ${version}`, 'set “packet” accordingly');
  if (packet.readInt16BE(2) !== response) throw bad('it is not a response');
  const sum = packet.readUInt32BE(4);
  const blank = Buffer.from(packet);
  blank.writeUInt32BE(0, 4);
  if (crc32(blank) !== sum) throw bad('its checksum is wrong');
  const [from, to] =
    version === 2 ? [shortHeader, shortHeader + fixedText] : [longHeader, longHeader + packet.readInt32BE(12)];
  const text = packet.subarray(from, to);
  const end = text.indexOf(0);
  return { code: packet.readInt16BE(8), text: text.subarray(0, end === -1 ? undefined : end).toString('utf8') };
}

function bad(why: string, hint = ''): Problem {
  return new Problem('nrpe-bad-answer', `the answer of the NRPE daemon is refused: ${why}`, hint);
}
