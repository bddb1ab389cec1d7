import { createHash } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type AuditFile, firstInName, listAuditFiles, readFileLines } from '../../../core/audit/files.ts';
import { errnoOf, Problem } from '../../../core/errors.ts';
import { replaceFile } from '../../../core/files/durable.ts';
import { offsetOf, readAt, sequenceAt, window } from './locate.ts';

/** Bytes of a hash in the files that replace deleted ones. */
const size = 32;

/**
 * The hash (hex) of a record of the log, from its files or from the stored hashes of a deleted one.
 * @returns undefined when neither has the record, or somebody removed the log
 */
export async function findHash(file: string, sequence: number): Promise<string | undefined> {
  // A file may be deleted between the listing and the reading: then its hashes are stored.
  const found = await findInFiles(file, sequence).catch(ifGone);
  return found ?? (await findKept(file, sequence).catch(ifGone));
}

function ifGone(error: unknown): undefined {
  const cause = error instanceof Problem ? error.cause : error;
  if (errnoOf(cause) !== 'ENOENT') throw error;
}

async function findInFiles(file: string, sequence: number): Promise<string | undefined> {
  const files = await listAuditFiles(file);
  // The current file begins after all others.
  for (const one of files.toReversed()) {
    if (one.first !== undefined && one.first > sequence) continue;
    const found = await findInFile(one, sequence);
    if (found !== undefined || one.first !== undefined) return found;
  }
  return undefined;
}

async function findInFile({ path }: AuditFile, sequence: number): Promise<string | undefined> {
  const handle = await open(path, 'r');
  try {
    const start = await offsetOf(handle, sequence);
    if (start === undefined || (await sequenceAt(handle, start)) !== sequence) return undefined;
    const hash = createHash('sha256');
    for (let from = start; ; from += window) {
      const bytes = await readAt(handle, from, window);
      const newline = bytes.indexOf(10);
      hash.update(newline < 0 ? bytes : bytes.subarray(0, newline));
      if (newline >= 0) return hash.digest('hex');
      if (bytes.length < window) return undefined;
    }
  } finally {
    await handle.close();
  }
}

/** Follows the name of a file that is deleted, in the name of the file with the hashes of its records. */
const hashesSuffix = '.hashes';

/**
 * Stores the hash of each record of a file, so that heads that callers know can still be checked when the file is gone.
 */
export async function keepHashes(path: string): Promise<void> {
  const hashes: Buffer[] = [];
  for await (const { text, torn } of readFileLines(path)) {
    if (!torn) hashes.push(createHash('sha256').update(text).digest());
  }
  await replaceFile(`${path}${hashesSuffix}`, Buffer.concat(hashes), { mode: 0o640 });
}

async function findKept(file: string, sequence: number): Promise<string | undefined> {
  const names = await readdir(dirname(file));
  const firsts = names.flatMap((name) => {
    const first = name.endsWith(hashesSuffix) ? firstInName(file, name.slice(0, -hashesSuffix.length)) : undefined;
    return first === undefined ? [] : [{ name, first }];
  });
  const [best] = firsts.filter(({ first }) => first <= sequence).sort((a, b) => b.first - a.first);
  if (best === undefined) return undefined;
  const bytes = await readFile(join(dirname(file), best.name));
  const at = (sequence - best.first) * size;
  return at + size <= bytes.length ? bytes.subarray(at, at + size).toString('hex') : undefined;
}
