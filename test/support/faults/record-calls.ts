import { fstatSync, readlinkSync } from 'node:fs';
import { relative } from 'node:path';
import { watchFileCalls } from './file-calls.ts';

/**
 * The calls by which a work changes the disk below a directory, or makes a change durable, in their order:
 * `writeFile queue/a.json.new`, `sync queue/a.json.new`, `rename queue/a.json`. A directory is named with a slash; the
 * directory itself is `./`.
 */
export async function recordChanges(root: string, work: () => Promise<unknown>): Promise<string[]> {
  const calls: string[] = [];
  using _watch = watchFileCalls(root, async ({ name, path, changes, handle }, _args, real) => {
    const result = await real();
    if (!changes) return result;
    // An open file may have been renamed since.
    const place = relative(root, handle === undefined ? path : readlinkSync(`/proc/self/fd/${handle.fd}`));
    const isDirectory = handle !== undefined && fstatSync(handle.fd).isDirectory();
    calls.push(`${name} ${isDirectory ? `${place || '.'}/` : place}`);
    return result;
  });
  await work();
  return calls;
}
