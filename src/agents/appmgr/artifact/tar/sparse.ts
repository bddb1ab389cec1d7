import type { ByteReader } from './byte-reader.ts';
import type { PaxRecords } from './pax.ts';
import { blockSize, damaged, decimalOf, numberOf } from './field.ts';
import type { HeaderBlock } from './header.ts';

/** A part of a file that has bytes in the archive; the gap between two of them is a hole, which reads as zeros. */
export interface Extent {
  readonly at: number;
  readonly size: number;
}

/** The layout of an entry's content in the archive. */
export interface ContentLayout {
  /** Bytes of the file, holes included. */
  readonly size: number;
  /** In the order of the file, and of the archive. */
  readonly extents: readonly Extent[];
}

/** A deployed file never has more parts than this. */
const mostExtents = 65_536;

/**
 * Reads the layout of a sparse file, in any of the four forms that GNU tar and bsdtar write (GNU tar's manual, “Storing
 * Sparse Files”). Undefined for an ordinary entry.
 * @param stored bytes that follow the headers in the archive
 * @throws Problem `bad-archive`
 */
export async function readSparse(
  block: HeaderBlock,
  records: PaxRecords,
  stored: number,
  reader: ByteReader,
): Promise<ContentLayout | undefined> {
  const text = (key: string) => records.get(`GNU.sparse.${key}`)?.toString('latin1');
  if (block.isGnu && block.type === 'S') return oldForm(block, stored, reader);
  if (text('major') === '1') {
    const size = decimalOf(text('realsize') ?? '', 'the size of a sparse file');
    const { numbers, read } = await readMap(reader, stored);
    return checked(size, numbers, stored - read);
  }
  const map = text('map');
  const size = text('size');
  if (map === undefined && size === undefined) return undefined;
  const numbers = (map === undefined || map === '' ? [] : map.split(',')).map(toNumber);
  return checked(decimalOf(size ?? '', 'the size of a sparse file'), numbers, stored);
}

function toNumber(text: string): number {
  return decimalOf(text, 'a part of a sparse file');
}

/** Pairs in the header, and in further blocks as long as one announces another. */
async function oldForm({ bytes }: HeaderBlock, stored: number, reader: ByteReader): Promise<ContentLayout> {
  const numbers: number[] = [];
  const take = (block: Buffer, from: number, pairs: number) => {
    for (let at = from; at < from + pairs * 24; at += 24) {
      if (block[at] === 0) return;
      numbers.push(numberOf(block.subarray(at, at + 12)), numberOf(block.subarray(at + 12, at + 24)));
    }
  };
  take(bytes, 386, 4);
  for (let more = bytes[482] !== 0; more && numbers.length <= 2 * mostExtents; ) {
    const block = await reader.require(blockSize);
    take(block, 0, 21);
    more = block[504] !== 0;
  }
  return checked(numberOf(bytes.subarray(483, 495)), numbers, stored);
}

/** Version 1.0 keeps the map before the content: the count of pairs and the pairs, a number a line, in whole blocks. */
async function readMap(reader: ByteReader, stored: number): Promise<{ numbers: number[]; read: number }> {
  let text = '';
  let read = 0;
  let lines: string[] = [];
  const wanted = () => 1 + 2 * (lines.length > 1 ? toNumber(lines[0] ?? '') : 0);
  do {
    if (read + blockSize > stored || lines.length > 2 * mostExtents) throw damaged('the map of a sparse file is wrong');
    text += (await reader.require(blockSize)).toString('latin1');
    read += blockSize;
    lines = text.split('\n');
  } while (lines.length <= 1 || lines.length - 1 < wanted());
  return { numbers: lines.slice(1, wanted()).map(toNumber), read };
}

function checked(size: number, numbers: readonly number[], stored: number): ContentLayout {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * mostExtents) throw damaged('the map of a sparse file is wrong');
  const extents: Extent[] = [];
  let end = 0;
  let total = 0;
  for (let index = 0; index < numbers.length; index += 2) {
    const [at = 0, length = 0] = numbers.slice(index, index + 2);
    if (at < end || at + length > size) throw damaged('the parts of a sparse file overlap or end beyond it');
    end = at + length;
    total += length;
    extents.push({ at, size: length });
  }
  if (total !== stored) throw damaged('a sparse file has more or fewer bytes than its map says');
  return { size, extents };
}
