import { readdirSync, statSync } from 'node:fs';
import { matchesGlob } from 'node:path';

/** Where NRPE's own daemon runs its commands. */
const directory = '/';

/**
 * Whether a shell would replace a word by names of files (sh(1), pathname expansion). A pattern below an existing
 * directory counts even while no file matches: one may appear at any time. Elsewhere a shell passes the word on as it
 * is.
 */
export function wouldExpand(pattern: string): boolean {
  const first = pattern.search(/[*?[]/);
  const cut = pattern.lastIndexOf('/', first);
  if (cut > 0)
    return isDirectory(pattern.startsWith('/') ? pattern.slice(0, cut) : `${directory}${pattern.slice(0, cut)}`);
  const name = pattern.slice(cut + 1).split('/', 1)[0] ?? '';
  return namesIn(directory).some((one) => !(one.startsWith('.') && !name.startsWith('.')) && matchesGlob(one, name));
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
