/** A file or directory: its path does not depend on where a program was started. */
export const absolutePath = '^/[^\\u0000]*$';

/** What a text must be that does not match a pattern; others are shown as they are. */
export const patternWords: ReadonlyMap<string, string> = new Map([
  [absolutePath, 'be a path that begins with /'],
  ['^https?://', 'be a URL that begins with http:// or https://'],
  ['^https?://[^\\s]+$', 'be a URL that begins with http:// or https://'],
  ['^https?://[!-~]+$', 'be a URL that begins with http:// or https://'],
  ['^https://[^\\s]{1,2000}$', 'be a URL that begins with https://'],
  ['^(sqlite:.+|postgres(ql)?://.+)$', 'be a URL that begins with sqlite: or postgres://'],
]);
