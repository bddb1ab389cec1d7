import { join } from 'node:path';
import { Problem } from '../../core/errors.ts';
import { makeDirectories } from '../../core/files/durable.ts';
import { exclusively } from '../../core/files/exclusive.ts';
import { helperDirectory } from '../../core/node-files/pending.ts';

/**
 * Does work that only one helper may do at a time. A lock of a process that is gone does not count. @throws Problem
 * `busy` at once
 */
export async function withHelperLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const own = join(directory, helperDirectory);
  await makeDirectories(own, 0o755);
  return await exclusively({ path: join(own, 'lock'), patience: 0, isShared: false, busy }, work);
}

const busy = () => new Problem('busy', 'another change of the configuration is being made', 'call again in a moment');
