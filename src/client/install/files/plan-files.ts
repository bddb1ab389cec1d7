import { sumOf } from '../../../core/node-files/list.ts';
import { formatManifest, type Manifest, parseManifest } from '../../../core/node-files/manifest.ts';
import type { DesiredFile } from './desired-files.ts';

/** A file on a host; both are empty if it is missing. */
export interface FileState {
  readonly sum: string;
  readonly text: string;
}

export interface FilePlan {
  readonly write: readonly DesiredFile[];
  /** Paths that were written before, and are no longer declared. */
  readonly remove: readonly string[];
  /** Paths that others changed, and that are kept. */
  readonly kept: readonly string[];
  /** The new manifest; undefined if it is unchanged. */
  readonly manifest: string | undefined;
}

/**
 * Files to write or remove, and those that others changed and that are kept.
 * @param states of the wanted files and of all in the manifest, by path
 * @param own the paths that this kind of installation writes: of these, undeclared ones are removed
 */
export function planFiles(
  files: readonly DesiredFile[],
  states: ReadonlyMap<string, FileState>,
  manifestText: string,
  { replace, own = () => false }: { readonly replace: boolean; readonly own?: (path: string) => boolean },
): FilePlan {
  const before = parseManifest(manifestText);
  const manifest: Record<string, string> = { ...before };
  const write: DesiredFile[] = [];
  const kept: string[] = [];
  for (const file of files) {
    const digest = sumOf(file.content);
    const sum = states.get(file.path)?.sum ?? '';
    if (sum !== digest && !mayReplace(file, sum, before, replace)) kept.push(file.path);
    else {
      if (sum !== digest) write.push(file);
      if (file.theirs) manifest[file.path] = digest;
    }
  }
  const remove: string[] = [];
  for (const [path, written] of Object.entries(before)) {
    if (files.some((file) => file.path === path) || !own(path)) continue;
    const sum = states.get(path)?.sum ?? '';
    if (sum !== '' && sum !== written && !replace) {
      kept.push(path);
      continue;
    }
    delete manifest[path];
    if (sum !== '') remove.push(path);
  }
  const text = formatManifest(manifest);
  return { write, remove, kept, manifest: text === manifestText ? undefined : text };
}

function mayReplace({ path, theirs }: DesiredFile, sum: string, before: Manifest, replace: boolean): boolean {
  return sum === '' || !theirs || replace || before[path] === sum;
}
