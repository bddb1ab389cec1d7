import { decodeText } from '../../core/files/decode.ts';
import { readInput, TooLarge } from '../../core/files/read-input.ts';

/**
 * The text of a file, or of a pipe or a device; undefined when it is longer than `most` bytes, and then the rest is not
 * read.
 * @throws the error of the system, or one that says how the text is not UTF-8
 */
export async function readText(file: string, most: number): Promise<string | undefined> {
  try {
    return decodeText(await readInput(file, most));
  } catch (error) {
    if (error instanceof TooLarge) return undefined;
    throw error;
  }
}
