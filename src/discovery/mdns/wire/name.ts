/** A name in a packet (RFC 1035, 3.1): each label in lower case after its length, for a label may hold dots. */
export interface PacketName {
  readonly text: string;
  /** Where it ends in the packet. */
  readonly end: number;
}

export function nameOf(labels: readonly string[]): string {
  return labels.map((label) => String.fromCharCode(label.length) + label.toLowerCase()).join('');
}

/** The bytes of a name without pointers. */
export function nameBytes(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'latin1');
}

/** A name has no more labels than this (RFC 1035, 3.1). Pointers to pointers would make a packet costly to read. */
const mostPointers = 127;

/** A name with its pointers followed (RFC 1035, 4.1.4); undefined if it is damaged. */
export function readName(packet: Buffer, start: number): PacketName | undefined {
  let text = '';
  let end: number | undefined;
  let pointers = 0;
  // A pointer leads only back, so there is an end to them.
  for (let at = start, before = start; at < packet.length; ) {
    const length = packet[at] ?? 0;
    if (length === 0) return { text, end: end ?? at + 1 };
    if (length >= 0xc0) {
      pointers += 1;
      if (at + 2 > packet.length || pointers > mostPointers) return undefined;
      end ??= at + 2;
      at = packet.readUInt16BE(at) & 0x3fff;
      if (at >= before) return undefined;
      before = at;
      continue;
    }
    if (length > 63 || text.length + 1 + length >= 255) return undefined;
    text += packet.toString('latin1', at, at + 1 + length).toLowerCase();
    at += 1 + length;
  }
  return undefined;
}
