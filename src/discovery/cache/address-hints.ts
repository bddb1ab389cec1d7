import { count } from '../../core/text.ts';
import type { Attempt } from '../attempt.ts';
import type { CachedNode } from './content.ts';

/** What to do about silent nodes that are known, but only from a relay, so that no address of them is. */
export function addressHints(quiet: readonly Attempt[], cached: ReadonlyMap<string, CachedNode>): string[] {
  const names = quiet
    .map(({ candidate }) => candidate)
    .filter(({ name, source }) => source === 'cache' && cached.get(name)?.addresses.length === 0)
    .map(({ name }) => name);
  const [first] = names;
  if (first === undefined) return [];
  const who = names.length === 1 ? first : `${count(names.length, 'node')} (${first}, …)`;
  const why = `no address of ${who} is known here, because a relay found ${names.length === 1 ? 'it' : 'them'}`;
  return [`${why}: use a relay (--via NAME), or give the addresses in a list (--nodes FILE)`];
}
