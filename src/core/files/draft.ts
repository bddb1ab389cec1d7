import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startOf } from './process-mark.ts';

const form = /\.(\d+)-(\d*)\.[0-9a-f]{12}\.new$/;

/** A name beside a file, for its replacement. It contains the process that writes it. */
export function draftOf(path: string): string {
  const owner = `${process.pid}-${startOf(process.pid) ?? ''}`;
  return `${path}.${owner}.${randomBytes(6).toString('hex')}.new`;
}

/** Removes the drafts of processes that were killed: one may hold a private key. */
export function removeAbandonedDrafts(directory: string): void {
  for (const name of namesIn(directory)) {
    const [, pid, start] = form.exec(name) ?? [];
    if (pid === undefined) continue;
    const running = startOf(Number(pid));
    if (running === undefined || running !== start) rmSync(join(directory, name), { force: true });
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
