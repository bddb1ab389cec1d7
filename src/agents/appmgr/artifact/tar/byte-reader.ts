import { Problem } from '../../../../core/errors.ts';
import { damaged } from './field.ts';

/** Returns the bytes of a stream in requested portions, and at most `limit` in total. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #limit: number;
  #rest: Uint8Array = new Uint8Array(0);
  #total = 0;

  constructor(source: AsyncIterable<Uint8Array>, limit: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#limit = limit;
  }

  /** @throws Problem `bad-archive` when the stream ends before */
  async *stream(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; ) {
      const chunk = await this.#next(left);
      if (chunk === undefined) throw damaged('it ends too early');
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

  /** The same when the stream must not end here. @throws Problem `bad-archive` */
  async require(size: number): Promise<Buffer> {
    if (size === 0) return Buffer.alloc(0);
    const bytes = await this.take(size);
    if (bytes === undefined) throw damaged('it ends too early');
    return bytes;
  }

  async skip(size: number): Promise<void> {
    for await (const _ of this.stream(size));
  }

  /** Counts bytes of a file that are not in the stream: holes. @throws Problem `archive-too-large` */
  charge(size: number): void {
    this.#total += size;
    if (this.#total <= this.#limit) return;
    throw new Problem(
      'archive-too-large',
      `the archive unpacks to more than ${this.#limit} bytes`,
      'leave out what the release does not need, or raise “max_size” of the application in node.yaml',
    );
  }

  /** Lets the source clean up after itself. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #next(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done === true) return undefined;
      this.charge(value.length);
      this.#rest = value;
    }
    const chunk = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(chunk.length);
    return chunk;
  }
}
