import { readFile } from 'node:fs/promises';

/** The content of a system file; empty if it does not exist. */
export async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
