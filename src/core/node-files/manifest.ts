import { isObject } from '../json.ts';

/**
 * The SHA-256 sums of the files that `install` and `apply` wrote on a node, by their absolute paths: a file with its
 * old sum was not changed by others, and may be replaced.
 */
export type Manifest = Readonly<Record<string, string>>;

/** In the directory of the configuration. */
export const manifestName = 'applied.json';

/** A text that is not a manifest counts as an empty one: then no differing file is replaced. */
export function parseManifest(text: string): Manifest {
  try {
    const value: unknown = JSON.parse(text);
    const files = isObject(value) && isObject(value.files) ? value.files : {};
    const entries = Object.entries(files).filter(([, sum]) => typeof sum === 'string' && /^[0-9a-f]{64}$/.test(sum));
    return Object.fromEntries(entries) as Manifest;
  } catch {
    return {};
  }
}

export function formatManifest(manifest: Manifest): string {
  const sorted = Object.fromEntries(Object.entries(manifest).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ files: sorted }, null, 2)}\n`;
}
