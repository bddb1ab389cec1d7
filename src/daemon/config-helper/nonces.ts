import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../core/files/durable.ts';
import { errnoOf, Problem } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { helperDirectory } from '../../core/node-files/pending.ts';

/**
 * Records a nonce for as long as its request could be sent again; it is on the disk before anything is done, so that a
 * restart forgets none. Only one helper works at a time.
 * @param end milliseconds since the epoch
 * @throws Problem `replayed`
 */
export async function admitNonce(directory: string, nonce: Uint8Array, end: number, now: number): Promise<void> {
  const file = join(directory, helperDirectory, 'nonces.json');
  const known = await readNonces(file);
  const id = Buffer.from(nonce).toString('hex');
  if (Object.hasOwn(known, id)) throw new Problem('replayed', 'this request was received before');
  const kept = Object.entries(known).filter(([, until]) => until >= now);
  await replaceFile(file, JSON.stringify({ ...Object.fromEntries(kept), [id]: end }));
}

async function readNonces(file: string): Promise<Record<string, number>> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return isObject(value) ? (value as Record<string, number>) : {};
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return {};
    throw error;
  }
}
