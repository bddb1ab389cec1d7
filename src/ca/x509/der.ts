import { Problem } from '../../core/errors.ts';

/** One element of DER (X.690): its tag byte, its content, and the bytes of the whole. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  implicit0: 0x80,
  explicit0: 0xa0,
} as const;

const malformed = () => new Problem('bad-der', 'the encoding is damaged');

/**
 * The first element in the bytes. Only what DER allows: definite lengths, at most four bytes long, one-byte tags.
 * @throws Problem `bad-der`
 */
export function readElement(bytes: Uint8Array): Element {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw malformed();
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 4 || bytes.length < 2 + lengthBytes) throw malformed();
  let length = first < 0x80 ? first : 0;
  for (const byte of bytes.subarray(2, 2 + lengthBytes)) length = length * 256 + byte;
  const start = 2 + lengthBytes;
  if (start + length > bytes.length) throw malformed();
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(0, start + length) };
}

/** @throws Problem `bad-der` for another tag, or when bytes are left over. */
export function readOnly(bytes: Uint8Array, tag: number): Element {
  const element = readElement(bytes);
  if (element.tag !== tag || element.whole.length !== bytes.length) throw malformed();
  return element;
}

/** @throws Problem `bad-der` */
export function readChildren({ content }: Element): Element[] {
  const children: Element[] = [];
  for (let rest = content; rest.length > 0; ) {
    const child = readElement(rest);
    children.push(child);
    rest = rest.subarray(child.whole.length);
  }
  return children;
}

/** The element when it has that tag. @throws Problem `bad-der` */
export function requireTag(element: Element | undefined, ...allowed: number[]): Element {
  if (element === undefined || !allowed.includes(element.tag)) throw malformed();
  return element;
}

/** An INTEGER in upper-case hex of whole bytes, without leading zeros, as X509Certificate.serialNumber is written. */
export function readHexInteger(element: Element | undefined): string {
  const { content } = requireTag(element, tags.integer);
  if (content.length === 0 || content.length > 21) throw malformed();
  return Buffer.from(content)
    .toString('hex')
    .toUpperCase()
    .replace(/^(00)+(?=..)/, '');
}

/** Milliseconds since the epoch of a UTCTime or GeneralizedTime in the only forms that RFC 5280, 4.1.2.5, allows. */
export function readTime(element: Element | undefined): number {
  const { tag, content } = requireTag(element, tags.utcTime, tags.generalizedTime);
  const text = Buffer.from(content).toString('latin1');
  const short = /^\d{12}Z$/.test(text) && tag === tags.utcTime;
  if (!short && !(/^\d{14}Z$/.test(text) && tag === tags.generalizedTime)) throw malformed();
  const full = short ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const time = Date.parse(full.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(time)) throw malformed();
  return time;
}

/** Encodes one element of DER. */
export function element(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const hex = content.length.toString(16);
  const length = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, content]);
}

/** A positive INTEGER. */
export function integer(number: number): Buffer {
  const hex = number.toString(16);
  return integerOf(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'));
}

/** A positive INTEGER of these bytes: with a leading zero where the first bit would make it negative. */
export function integerOf(bytes: Uint8Array): Buffer {
  return (bytes[0] ?? 0) < 0x80 ? element(tags.integer, bytes) : element(tags.integer, Buffer.of(0), bytes);
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5). */
export function encodeTime(time: number): Buffer {
  const digits = new Date(time).toISOString().slice(0, 19).replace(/[-:T]/g, '');
  return digits < '2050'
    ? element(tags.utcTime, Buffer.from(`${digits.slice(2)}Z`))
    : element(tags.generalizedTime, Buffer.from(`${digits}Z`));
}
