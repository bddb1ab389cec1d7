/** A place that callers share, such as a queue: none may keep the others out of it, nor displace what is theirs. */

/** What each caller may have when most of a place is in use: a quarter. Places for fewer than four are not divided. */
const parts = 4;

/**
 * Whether a caller asks for more than its share. While three quarters are not in use, anyone may have any of it.
 * @param most how many there may be at once
 * @param all in use, by everybody
 * @param own in use by the caller
 * @param more asked for
 */
export function isBeyondShare(most: number, all: number, own: number, more = 1): boolean {
  const share = Math.floor(most / parts);
  return all + more > most - share && own + more > share;
}

/**
 * Why a caller may have no more, as in “3 jobs of cert=eve run already”; undefined if it may.
 * @param most what there is
 * @param callers who has each of those in use
 * @param things in words: what is counted, and its verb, as in “jobs”, “run”
 */
export function whyNoMore(
  most: number,
  callers: readonly string[],
  caller: string,
  [things, verb]: readonly [things: string, verb: string],
): string | undefined {
  if (callers.length >= most) return `${callers.length} ${things} ${verb} already`;
  const own = callers.filter((one) => one === caller).length;
  if (!isBeyondShare(most, callers.length, own)) return undefined;
  return `${own} ${things} of ${caller} ${verb} already: the last quarter is for others`;
}

/**
 * The entries in the order in which they make room for others: the oldest of the owner who has the most, again and again.
 * @param entries the oldest first
 * @param mayGo those that count and stay if it returns false
 */
export function* surplusOf<Entry>(
  entries: Iterable<Entry>,
  ownerOf: (entry: Entry) => string,
  mayGo: (entry: Entry) => boolean = () => true,
): Generator<Entry> {
  const owners = new Map<string, { count: number; readonly leaving: Entry[] }>();
  for (const entry of entries) {
    const owner = owners.get(ownerOf(entry)) ?? { count: 0, leaving: [] };
    owners.set(ownerOf(entry), owner);
    owner.count++;
    if (mayGo(entry)) owner.leaving.push(entry);
  }
  for (const owner of owners.values()) owner.leaving.reverse();
  for (;;) {
    const left = [...owners.values()].filter(({ leaving }) => leaving.length > 0);
    const [first, ...others] = left;
    if (first === undefined) return;
    const largest = others.reduce((one, other) => (other.count > one.count ? other : one), first);
    largest.count--;
    yield largest.leaving.pop() as Entry;
  }
}
