import { createReadStream } from 'node:fs';
import { decodeText } from '../../core/files/decode.ts';

/**
 * The text of a file, or of a pipe or a device; undefined when it is longer than `most` bytes, and then the rest is not
 * read.
 * @throws the error of the system, or one that says how the text is not UTF-8
 */
export async function readText(file: string, most: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  // `end` is counted from 0: one byte more than allowed.
  for await (const chunk of createReadStream(file, { end: most })) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return bytes.length > most ? undefined : decodeText(bytes);
}
