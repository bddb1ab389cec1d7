import { readdirSync, readlinkSync } from 'node:fs';

/** The files that this process has open, as often as it has them open: those whose path begins so. */
export function openFiles(path: string): string[] {
  return readdirSync('/proc/self/fd')
    .map(pathOf)
    .filter((open) => open.startsWith(path));
}

/** Empty when it was closed meanwhile: the directory itself was open while it was read. */
function pathOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}
