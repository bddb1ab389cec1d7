/**
 * For an option that may be repeated: the values so far, and one more.
 * @param before undefined, or true as the option `--no-NAME` leaves it, if there was none yet
 */
export function collect(value: string, before: unknown): string[] {
  return [...(Array.isArray(before) ? (before as string[]) : []), value];
}
