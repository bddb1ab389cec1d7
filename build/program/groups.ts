/** Sources of the program's parts by their file names. */
export type Sources = ReadonlyMap<string, string>;

/** The group of the parts that every start loads. */
export const startGroup = 'start';

/**
 * The parts that are in one script, because they are loaded together: those of every start, those that a call to a node and a
 * daemon load, and those of a call that no daemon ever loads. So a daemon has nothing in its memory that it does not use.
 * @param call the parts that a call to a node loads
 * @param daemon the parts that a daemon loads as it starts
 * @returns the members of each group, in the order of the sources
 */
export function groupParts(
  sources: Sources,
  call: ReadonlySet<string>,
  daemon: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const names = [...sources.keys()];
  const start = reachable(sources, ['main.cjs'], withoutLater);
  const others = names.filter((name) => !start.has(name));
  const ofDaemons = reachable(
    sources,
    others.filter((name) => daemon.has(name)),
    (text) => text,
  );
  return new Map([
    [startGroup, names.filter((name) => start.has(name))],
    ['shared', others.filter((name) => call.has(name) && daemon.has(name))],
    ['call', others.filter((name) => call.has(name) && !ofDaemons.has(name))],
  ]);
}

/** These parts, and all that they need by what `see` leaves of their sources. */
function reachable(sources: Sources, from: readonly string[], see: (text: string) => string): ReadonlySet<string> {
  const found = new Set(from);
  for (const name of found) {
    const text = see((sources.get(name) ?? '').replaceAll(/\s+/g, ''));
    // esbuild's own `__require` is for what is loaded on demand.
    for (const [, needed = ''] of text.matchAll(/(?<!__)require\("\.\/([^"]+)"\)/g))
      if (sources.has(needed)) found.add(needed);
  }
  return found;
}

/** Without what an `import()` became. */
function withoutLater(text: string): string {
  return text.replaceAll(/\.then\(\(\)=>(__toESM\()?require\(/g, '');
}
