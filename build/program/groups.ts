/** Sources of the program's parts by their file names. */
export type Sources = ReadonlyMap<string, string>;

/** The group of the parts that every start loads. */
export const startGroup = 'start';

/** The parts that each of these loads. */
export interface Loaded {
  /** A call to a node over a relay: its own host’s, or another’s. */
  readonly relayed: ReadonlySet<string>;
  /** A call to nodes over relays and directly. */
  readonly call: ReadonlySet<string>;
  /** A daemon that starts. */
  readonly daemon: ReadonlySet<string>;
}

/**
 * The parts that are in one script, because they are loaded together: those of every start, those that a call and a
 * daemon load, among these what only a direct call needs (gRPC), and those of a call that no daemon ever loads. So a
 * daemon has nothing in its memory that it does not use, and a call over a relay reads no gRPC.
 * @returns the members of each group, in the order of the sources
 */
export function groupParts(
  sources: Sources,
  { relayed, call, daemon }: Loaded,
): ReadonlyMap<string, readonly string[]> {
  const names = [...sources.keys()];
  const start = reachable(sources, ['main.cjs'], withoutLater);
  const others = names.filter((name) => !start.has(name));
  const ofDaemons = reachable(
    sources,
    others.filter((name) => daemon.has(name)),
    (text) => text,
  );
  const ofBoth = others.filter((name) => call.has(name) && daemon.has(name));
  return new Map([
    [startGroup, names.filter((name) => start.has(name))],
    ['shared', ofBoth.filter((name) => relayed.has(name))],
    ['direct', ofBoth.filter((name) => !relayed.has(name))],
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
