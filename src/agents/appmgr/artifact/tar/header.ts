import { Problem } from '../../../../core/errors.ts';
import type { PaxRecords } from './pax.ts';
import { blockSize, damaged, decimalOf, numberOf, upToZero } from './field.ts';

/** The claims of an entry's headers, without any check. */
export interface TarHeader {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  /** Where a link points. */
  readonly target: string;
}

/** One header block. Names are bytes: a pax record may replace a name that was cut in the middle of a character. */
export interface HeaderBlock {
  readonly name: Buffer;
  readonly target: Buffer;
  readonly type: string;
  readonly mode: number;
  /** Bytes that follow in the archive. */
  readonly size: number;
  readonly isGnu: boolean;
  readonly bytes: Buffer;
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
export function parseHeaderBlock(block: Buffer): HeaderBlock | undefined {
  if (block.length !== blockSize) throw damaged('it ends too early');
  if (block.every((byte) => byte === 0)) return undefined;
  if (numberOf(block.subarray(148, 156)) !== sumOf(block)) throw damaged('the checksum of a header is wrong');
  const magic = block.toString('latin1', 257, 263);
  const name = upToZero(block.subarray(0, 100));
  const prefix = magic === 'ustar\0' ? upToZero(block.subarray(345, 500)) : Buffer.alloc(0);
  return {
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]),
    target: upToZero(block.subarray(157, 257)),
    type: block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0),
    mode: numberOf(block.subarray(100, 108)),
    size: numberOf(block.subarray(124, 136)),
    isGnu: magic === 'ustar ',
    bytes: block,
  };
}

/** The entry that a header block and the pax records before it describe. @throws Problem `bad-archive`, `unsafe-archive` */
export function describeEntry(block: HeaderBlock, records: PaxRecords): TarHeader {
  const size = records.get('size');
  const name = records.get('GNU.sparse.name') ?? records.get('path') ?? block.name;
  return {
    path: decodeName(name),
    target: decodeName(records.get('linkpath') ?? block.target),
    type: block.type,
    mode: block.mode,
    size: size === undefined ? block.size : decimalOf(size.toString('latin1'), 'the size in a pax record'),
  };
}

function decodeName(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Problem(
      'unsafe-archive',
      `the archive is refused: “${escapeBytes(bytes)}” is not a name in UTF-8`,
      'rename the file (convmv can do this), then build the archive again',
    );
  }
}

function escapeBytes(bytes: Buffer): string {
  const text = bytes.subarray(0, 200).toString('latin1');
  return text.replaceAll(/[^\x20-\x7e]/g, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
