import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startOf } from './process-mark.ts';

const form = /\.(\d+)-(\d*)\.[0-9a-f]{12}\.new$/;

/** A name beside a file, for its replacement. It contains the process that writes it. */
export async function draftOf(path: string): Promise<string> {
  const owner = `${process.pid}-${(await startOf(process.pid)) ?? ''}`;
  return `${path}.${owner}.${randomBytes(6).toString('hex')}.new`;
}

/** Removes the drafts of processes that were killed: one may hold a private key. */
export async function removeAbandonedDrafts(directory: string): Promise<void> {
  const names = await readdir(directory).catch((): string[] => []);
  for (const name of names) {
    const [, pid, start] = form.exec(name) ?? [];
    if (pid === undefined) continue;
    const running = await startOf(Number(pid));
    if (running === undefined || running !== start) await rm(join(directory, name), { force: true });
  }
}
