import { Problem } from '../../../../core/errors.ts';
import { ByteReader } from './byte-reader.ts';
import { type PaxRecords, parsePaxRecords } from './pax.ts';
import { type ContentLayout, readSparse } from './sparse.ts';
import { blockSize, upToZero } from './field.ts';
import { describeEntry, type HeaderBlock, parseHeaderBlock, type TarHeader } from './header.ts';

/** Some bytes of a file, and their offset in the file; the gap between two pieces is zeros. */
export interface Piece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** One entry, and its content, which must be read completely, or not at all, before the next entry. */
export interface TarEntry extends TarHeader {
  readonly content: AsyncIterable<Piece>;
}

/** Bytes of a pax header or a long name: extended attributes may take 64 KiB each. */
const largestExtension = 1024 * 1024;

/** Entries about the archive or an entry's attributes: GNU's volume label, Solaris' access lists. */
const passedOver = new Set(['V', 'A', 'E']);

/**
 * Reads a tar archive as a stream: ustar, pax, GNU long names and sparse files. It does not judge entries.
 * @param limit bytes of the whole archive, headers and holes included
 * @throws Problem `bad-archive`, `unsafe-archive`, `archive-too-large`
 */
export async function* readTar(source: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(source, limit);
  const progress = { path: '' };
  try {
    yield* readEntries(reader, progress);
  } catch (error) {
    throw withPlace(error, progress.path);
  } finally {
    await reader.close();
  }
}

/** With the entry at which reading ended: a person can look for it in the archive's listing. */
function withPlace(error: unknown, path: string): unknown {
  if (!(error instanceof Problem) || !['bad-archive', 'archive-too-large'].includes(error.code)) return error;
  // An error in the content arrives here a second time.
  if (error.cause instanceof Problem) return error;
  const position = path === '' ? 'in its first entry' : `in or after ${JSON.stringify(path.slice(0, 200))}`;
  return new Problem(error.code, `${error.message} (${position})`, error.hint, { cause: error });
}

async function* readEntries(reader: ByteReader, progress: { path: string }): AsyncGenerator<TarEntry> {
  let records: PaxRecords = new Map();
  for (;;) {
    const block = parseHeaderBlock(await reader.require(blockSize));
    if (block === undefined) return;
    const extension = await readExtension(reader, block);
    if (extension !== undefined) {
      records = new Map([...records, ...extension]);
      continue;
    }
    const header = describeEntry(block, records);
    progress.path = header.path;
    const layout = await layoutOf(reader, block, records, header.size);
    records = new Map();
    const content = pieces(reader, layout, header.path);
    yield { ...header, type: block.isGnu && block.type === 'S' ? '0' : block.type, size: layout.size, content };
    for await (const _ of content);
    await reader.skip(padding(header.size));
  }
}

async function layoutOf(
  reader: ByteReader,
  block: HeaderBlock,
  records: PaxRecords,
  size: number,
): Promise<ContentLayout> {
  const sparse = await readSparse(block, records, size, reader);
  if (sparse === undefined) return { size, extents: [{ at: 0, size }] };
  reader.charge(sparse.size - sparse.extents.reduce((total, extent) => total + extent.size, 0));
  return sparse;
}

async function* pieces(reader: ByteReader, { extents }: ContentLayout, path: string): AsyncGenerator<Piece> {
  try {
    for (const { at: start, size } of extents) {
      let at = start;
      for await (const bytes of reader.stream(size)) {
        yield { at, bytes };
        at += bytes.length;
      }
    }
  } catch (error) {
    throw withPlace(error, path);
  }
}

function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

/** A header's records about the entry after it; undefined when it is an entry itself. */
async function readExtension(reader: ByteReader, { type, size }: HeaderBlock): Promise<PaxRecords | undefined> {
  if (passedOver.has(type)) {
    await reader.skip(size + padding(size));
    return new Map();
  }
  if (!['x', 'X', 'g', 'L', 'K'].includes(type)) return undefined;
  if (size > largestExtension) {
    throw new Problem(
      'bad-archive',
      `the archive has a header of ${size} bytes, more than ${largestExtension}`,
      'build it without extended attributes: tar --no-xattrs (bsdtar: --no-xattrs --no-mac-metadata)',
    );
  }
  const bytes = await reader.require(size);
  await reader.skip(padding(size));
  switch (type) {
    case 'x':
    case 'X':
      return parsePaxRecords(bytes);
    case 'L':
      return new Map([['path', upToZero(bytes)]]);
    case 'K':
      return new Map([['linkpath', upToZero(bytes)]]);
    default:
      // A global header (git archive writes its commit there) would name all later entries alike: it is ignored.
      return new Map();
  }
}
