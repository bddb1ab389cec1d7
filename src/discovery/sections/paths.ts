/** Settings of a source's section that are the paths of files. */
const pathKeys: ReadonlySet<string> = new Set(['token_file', 'password_file', 'ca', 'certificate', 'key']);

/** A source's section with every path absolute. @param at makes a path absolute: it is relative to the configuration that names it */
export function withAbsolutePaths<T extends object>(section: T, at: (relative: string) => string): T {
  const paths = Object.entries(section).map(([key, value]) => {
    if (pathKeys.has(key)) return [key, at(String(value))];
    if (key !== 'url') return [key, value];
    return [key, String(value).replace(/^sqlite:(?!\/)(.+)/, (_, path) => `sqlite:${at(path)}`)];
  });
  return Object.fromEntries(paths) as T;
}
