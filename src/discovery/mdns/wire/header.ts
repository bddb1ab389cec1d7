/** The promises of a packet's first twelve bytes (RFC 1035, 4.1.1). */
export interface Header {
  readonly kind: 'query' | 'response';
  readonly questions: number;
  /** Answers, authorities and additionals together. */
  readonly records: number;
  readonly authorities: number;
}

/** More is never needed to ask for nodes or to announce them; this limits the cost of a packet. */
const largest = { packet: 4096, records: 64, questions: 16 };

/**
 * The header of a packet worth decoding; undefined when it is too large, carries an operation or an error, or promises
 * more than its bytes can hold. Decoding others could take unlimited time: names may point, repeatedly, at long chains
 * of pointers.
 */
export function parseHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < 12 || bytes.length > largest.packet) return undefined;
  const flags = bytes.readUInt16BE(2);
  // Operation and response code must both be 0 (RFC 6762, 18.3 and 18.11).
  if ((flags & 0x780f) !== 0) return undefined;
  const questions = bytes.readUInt16BE(4);
  const authorities = bytes.readUInt16BE(8);
  const records = bytes.readUInt16BE(6) + authorities + bytes.readUInt16BE(10);
  if (questions > largest.questions || records > largest.records) return undefined;
  // A question takes 5 bytes at least, a record 11.
  if (12 + questions * 5 + records * 11 > bytes.length) return undefined;
  return { kind: (flags & 0x8000) === 0 ? 'query' : 'response', questions, records, authorities };
}

/** Whether the packet contains any of these words, in any case. */
export function mentions(bytes: Buffer, words: readonly string[]): boolean {
  const text = bytes.toString('latin1').toLowerCase();
  return words.some((word) => text.includes(word));
}
