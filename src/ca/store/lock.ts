import { join } from 'node:path';
import { Problem } from '../../core/errors.ts';
import { removeAbandonedDrafts } from '../../core/files/draft.ts';
import { exclusively } from '../../core/files/exclusive.ts';
import type { ProcessMark } from '../../core/files/process-mark.ts';

/** Milliseconds. */
const patience = 10_000;

/**
 * Runs the work while no other program runs one in the same directory. The lock of a killed program is released.
 * @throws Problem `ca-busy` when another holds the lock for longer than ten seconds, `unwritable-file`
 */
export async function withLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const path = join(directory, 'lock');
  // A CA may be on a disk that several machines mount.
  return await exclusively({ path, patience, isShared: true, busy: (holder) => busy(path, holder) }, async () => {
    removeAbandonedDrafts(directory);
    return work();
  });
}

function busy(path: string, holder: ProcessMark | undefined): Problem {
  const who = holder === undefined ? '' : ` (process ${holder.pid} on ${holder.host})`;
  const what = `another program${who} is changing this CA`;
  return new Problem('ca-busy', what, `wait until it has ended; if it no longer runs, remove ${path}`);
}
