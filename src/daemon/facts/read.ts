import { readFile } from 'node:fs/promises';

/** What a file of the system holds; empty where there is none. */
export async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
