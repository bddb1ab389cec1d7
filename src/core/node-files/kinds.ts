/**
 * The files of a node's configuration that may be written over the fabric, by their kinds: there is a right for each.
 * Keys, certificates, trust anchors, programs and the helper's own settings have no kind, so they cannot be named.
 */
export const fileKinds = ['settings', 'policies', 'facts', 'classes', 'checks', 'hooks'] as const;
export type FileKind = (typeof fileKinds)[number];

interface Place {
  /** Below the directory of the configuration; empty for that itself. */
  readonly directory: string;
  readonly name: RegExp;
}

const places: Readonly<Record<FileKind, Place>> = {
  settings: { directory: '', name: /^node\.yaml$/ },
  policies: { directory: 'policies', name: /^(?:[A-Za-z0-9_-]{1,64}\.policy|groups)$/ },
  // A file with another ending would be a program, which the daemon runs.
  facts: { directory: 'facts.d', name: /^[A-Za-z0-9_-]{1,64}\.(?:yaml|json)$/ },
  classes: { directory: '', name: /^classes\.txt$/ },
  checks: { directory: '', name: /^nrpe\.cfg$/ },
  hooks: { directory: 'hooks', name: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/ },
};

export function isFileKind(kind: unknown): kind is FileKind {
  return fileKinds.some((known) => known === kind);
}

/** The path of a file below the directory of the configuration; undefined when its kind has no such name. */
export function pathIn(kind: FileKind, name: string): string | undefined {
  const { directory, name: form } = places[kind];
  if (!form.test(name)) return undefined;
  return directory === '' ? name : `${directory}/${name}`;
}

/** The directories that hold files of a kind, each with its kind. */
export const kindDirectories: readonly (readonly [FileKind, string])[] = fileKinds.map((kind) => [
  kind,
  places[kind].directory,
]);

/** What the daemon does to load a new file of that kind; files that it reads at each use take effect at once. */
export const takesEffect: Readonly<Record<FileKind, 'at-once' | 'reload' | 'restart'>> = {
  settings: 'restart',
  policies: 'reload',
  facts: 'reload',
  classes: 'reload',
  checks: 'at-once',
  hooks: 'at-once',
};
