import { type Stats, unwatchFile, watchFile } from 'node:fs';

/**
 * Looks at files now and then, also at some that are not there yet, and tells when they are others and have stayed as they
 * are for as long: whoever renews a certificate and its key writes one after the other. It polls, since what notifies of
 * changes follows neither links nor network file systems.
 * @param interval milliseconds
 * @returns a function that ends the watch, which keeps no process alive either
 */
export function watchFiles(paths: readonly string[], interval: number, onChange: () => void): () => void {
  let quiet: NodeJS.Timeout | undefined;
  const changed = (now: Stats, before: Stats) => {
    // Node tells of a file that is not there as of a change, once.
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
