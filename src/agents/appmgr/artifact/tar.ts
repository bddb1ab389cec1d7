import { Problem } from '../../../core/errors.ts';
import { applyPax, blockSize, parseLongName, parsePaxRecords, parseTarHeader, type TarHeader } from './tar-header.ts';

/** One entry, and its content, which must be read whole, or not at all, before the next entry is asked for. */
export interface TarEntry extends TarHeader {
  readonly content: AsyncIterable<Uint8Array>;
}

/** Bytes of a pax header or a long name; PATH_MAX is 4096. */
const largestExtension = 64 * 1024;

function truncated(): Problem {
  return new Problem('bad-archive', 'the archive is damaged: it ends too early');
}

/** Hands out the bytes of a stream in the portions that are asked for, and no more than `limit` in all. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #limit: number;
  #rest: Uint8Array = new Uint8Array(0);
  #total = 0;

  constructor(source: AsyncIterable<Uint8Array>, limit: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#limit = limit;
  }

  async *stream(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; ) {
      const chunk = await this.#next(left);
      if (chunk === undefined) throw truncated();
      left -= chunk.length;
      yield chunk;
    }
  }

  /** Exactly that many bytes; undefined when the stream has ended before the first of them. */
  async take(size: number): Promise<Buffer | undefined> {
    const first = await this.#next(size);
    if (first === undefined) return undefined;
    const parts = [first];
    for await (const chunk of this.stream(size - first.length)) parts.push(chunk);
    return Buffer.concat(parts);
  }

  /** Lets the source clean up after itself. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #next(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done === true) return undefined;
      this.#total += value.length;
      if (this.#total > this.#limit) {
        throw new Problem('archive-too-large', `the archive unpacks to more than ${this.#limit} bytes`);
      }
      this.#rest = value;
    }
    const chunk = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(chunk.length);
    return chunk;
  }
}

function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

/**
 * Reads a tar archive as a stream: ustar, pax and GNU long names. It decides nothing about what the entries may be.
 * @param limit bytes of the whole archive, headers included
 * @throws Problem `bad-archive`, `archive-too-large`
 */
export async function* readTar(source: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(source, limit);
  try {
    yield* readEntries(reader);
  } finally {
    await reader.close();
  }
}

async function* readEntries(reader: ByteReader): AsyncGenerator<TarEntry> {
  let overrides = new Map<string, string>();
  for (;;) {
    const block = await reader.take(blockSize);
    if (block === undefined) throw truncated();
    const plain = parseTarHeader(block);
    if (plain === undefined) return;
    const extension = await readExtension(reader, plain);
    if (extension !== undefined) {
      overrides = new Map([...overrides, ...extension]);
      continue;
    }
    const header = applyPax(plain, overrides);
    overrides = new Map();
    const content = reader.stream(header.size);
    yield { ...header, content };
    for await (const _ of content);
    await skip(reader, padding(header.size));
  }
}

/** What a header says of the entry after it, as pax records; undefined when it is an entry itself. */
async function readExtension(reader: ByteReader, header: TarHeader): Promise<Map<string, string> | undefined> {
  if (!['x', 'g', 'L', 'K'].includes(header.type)) return undefined;
  if (header.size > largestExtension) throw new Problem('bad-archive', 'the archive has a header beyond measure');
  const bytes = header.size === 0 ? Buffer.alloc(0) : await reader.take(header.size);
  if (bytes === undefined) throw truncated();
  await skip(reader, padding(header.size));
  switch (header.type) {
    case 'x':
      return parsePaxRecords(bytes);
    case 'L':
      return new Map([['path', parseLongName(bytes)]]);
    case 'K':
      return new Map([['linkpath', parseLongName(bytes)]]);
    default:
      // A global header (git archive writes its commit there) would name every later entry alike: nothing in it is used.
      return new Map();
  }
}

async function skip(reader: ByteReader, size: number): Promise<void> {
  for await (const _ of reader.stream(size));
}
