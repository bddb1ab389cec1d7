import { Problem } from '../../../core/errors.ts';

/** What a tar header says, believed by nobody yet. */
export interface TarHeader {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  /** Where a link points. */
  readonly target: string;
}

export const blockSize = 512;

function bad(what: string): Problem {
  return new Problem('bad-archive', `the archive is damaged: ${what}`);
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0);
  return decodeText(end === -1 ? field : field.subarray(0, end));
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw bad('a name in it is not UTF-8');
  }
}

/** Octal digits, or GNU's base 256 where the first bit is set. */
function numberOf(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = BigInt(`0x${field.toString('hex')}`) & ((1n << BigInt(field.length * 8 - 1)) - 1n);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw bad('a number in it is beyond measure');
    return Number(value);
  }
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .replace(/^ +/, '');
  if (!/^[0-7]*$/.test(digits)) throw bad('a number in it is not octal');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function sumOf(block: Buffer): number {
  let sum = 0;
  for (const [index, byte] of block.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return sum;
}

/**
 * Reads one header block (POSIX.1-1988 ustar, with GNU's base-256 numbers); undefined for the zero block at the end.
 * @throws Problem `bad-archive`
 */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (numberOf(block.subarray(148, 156)) !== sumOf(block)) throw bad('the sum of a header does not fit');
  const posix = block.toString('latin1', 257, 263) === 'ustar\0';
  const name = textOf(block.subarray(0, 100));
  const prefix = posix ? textOf(block.subarray(345, 500)) : '';
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    type: block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0),
    mode: numberOf(block.subarray(100, 108)),
    size: numberOf(block.subarray(124, 136)),
    target: textOf(block.subarray(157, 257)),
  };
}

/**
 * Reads the records of a pax header (POSIX.1-2001): `LENGTH key=value\n`.
 * @throws Problem `bad-archive`
 */
export function parsePaxRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    const digits = space === -1 ? '' : bytes.toString('latin1', at, space);
    const length = /^[1-9][0-9]{0,8}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (length === 0 || end > bytes.length || bytes[end - 1] !== 0x0a) throw bad('a pax record has a wrong length');
    const record = decodeText(bytes.subarray(space + 1, end - 1));
    const equals = record.indexOf('=');
    if (equals < 1) throw bad('a pax record has no key');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at = end;
  }
  return records;
}

/** A long name as GNU tar writes it: the bytes up to the first zero. */
export function parseLongName(bytes: Buffer): string {
  return textOf(bytes);
}

/** The header with what pax records say in its place. @throws Problem `bad-archive` */
export function applyPax(header: TarHeader, records: ReadonlyMap<string, string>): TarHeader {
  for (const key of records.keys()) {
    if (key.startsWith('GNU.sparse.')) throw bad('sparse files are not supported');
  }
  const size = records.get('size');
  if (size !== undefined && !/^[0-9]{1,15}$/.test(size)) throw bad('a pax record has a wrong size');
  return {
    ...header,
    path: records.get('path') ?? header.path,
    target: records.get('linkpath') ?? header.target,
    size: size === undefined ? header.size : Number(size),
  };
}
