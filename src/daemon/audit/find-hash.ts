import { createHash } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type AuditFile, listAuditFiles, readFileLines } from '../../core/audit/files.ts';
import { replaceFile } from '../../core/files/durable.ts';
import { offsetOf, readAt, sequenceAt, window } from './locate.ts';

/** Bytes of a hash in the files that replace deleted ones. */
const size = 32;

/**
 * The hash (hex) of a record of the log, from its files or from the stored hashes of a deleted one.
 * @returns undefined when neither has the record
 */
export async function findHash(file: string, sequence: number): Promise<string | undefined> {
  const files = await listAuditFiles(file);
  // The current file begins after all others.
  for (const one of files.toReversed()) {
    if (one.first !== undefined && one.first > sequence) continue;
    const found = await findInFile(one, sequence);
    if (found !== undefined || one.first !== undefined) return found ?? (await findKept(file, sequence));
  }
  return await findKept(file, sequence);
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

/** Where the hashes of a file's records are stored when it is deleted. */
function hashesPath(path: string): string {
  return `${path}.hashes`;
}

/**
 * Stores the hash of each record of a file, so that heads that callers know can still be checked when the file is gone.
 */
export async function keepHashes(path: string): Promise<void> {
  const hashes: Buffer[] = [];
  for await (const { text, torn } of readFileLines(path)) {
    if (!torn) hashes.push(createHash('sha256').update(text).digest());
  }
  await replaceFile(hashesPath(path), Buffer.concat(hashes), { mode: 0o640 });
}

async function findKept(file: string, sequence: number): Promise<string | undefined> {
  const stem = basename(file, '.jsonl');
  const names = await readdir(dirname(file)).catch((): string[] => []);
  const firsts = names.flatMap((name) => {
    const digits = name.startsWith(stem) ? /-(\d{12,15})\.[^.]+\.hashes$/.exec(name)?.[1] : undefined;
    return digits === undefined ? [] : [{ name, first: Number(digits) }];
  });
  const [best] = firsts.filter(({ first }) => first <= sequence).sort((a, b) => b.first - a.first);
  if (best === undefined) return undefined;
  const bytes = await readFile(join(dirname(file), best.name));
  const at = (sequence - best.first) * size;
  return at + size <= bytes.length ? bytes.subarray(at, at + size).toString('hex') : undefined;
}
