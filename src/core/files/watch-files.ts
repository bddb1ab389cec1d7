import { type Stats, unwatchFile, watchFile } from 'node:fs';

/**
 * Polls files, including some that do not exist yet, and calls back when they have changed and then stayed the same for
 * one interval: a renewed certificate and its key are written one after the other. It polls because change
 * notifications follow neither links nor network file systems.
 * @param interval milliseconds
 * @returns a function that ends the watch; the watch does not keep the process alive
 */
export function watchFiles(paths: readonly string[], interval: number, onChange: () => void): () => void {
  let quiet: NodeJS.Timeout | undefined;
  const changed = (now: Stats, before: Stats) => {
    // Node reports a missing file as a change, once.
    if (now.ino === 0 && before.ino === 0) return;
    clearTimeout(quiet);
    quiet = setTimeout(onChange, interval);
    quiet.unref();
  };
  for (const path of paths) watchFile(path, { interval, persistent: false }, changed);
  return () => {
    clearTimeout(quiet);
    for (const path of paths) unwatchFile(path, changed);
  };
}
