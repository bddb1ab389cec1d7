import { startAskingAgain } from './ask-again.ts';
import { askOne, type OnNode } from './ask-one.ts';
import type { RelayLink } from './relay-link.ts';
import type { Routes } from './routes.ts';

/** Milliseconds for a relay to search its segments. */
const searchTimeout = 1000;
/** Milliseconds beyond these that a relay may pause. */
const pause = 3000;
/** How often relays are asked for a node that they are still connecting to. */
const most = 3;

/**
 * Has all relays search for nodes by name. A relay that has just started does not know all of its peers, and is still
 * connecting to them: its list of connected nodes decides nothing about a node that can only be reached over it.
 * @param closing ends all searches
 * @returns resolves when there is a way to the node, or when no relay finds one
 */
export function startSearchByName(
  links: readonly RelayLink[],
  routes: Routes,
  closing: AbortSignal,
): (node: string, signal: AbortSignal) => Promise<void> {
  /** Nodes that the last search named, and to which a relay had no connection yet. */
  const connecting = new Set<string>();
  const searchOnce = startAskingAgain(async (names) => {
    const asked = new Set(names);
    for (const name of names) connecting.delete(name);
    const faults = await Promise.all(
      links.map((link) => {
        const onNode: OnNode = (event) => {
          if (!routes.take(event, link) && asked.has(event.node)) connecting.add(event.node);
        };
        return askOne(link, { timeout: searchTimeout, names }, onNode, closing, pause);
      }),
    );
    return faults.includes(undefined);
  });
  return async (node, signal) => {
    for (let searches = 0; searches < most && !signal.aborted && !closing.aborted; searches++) {
      await Promise.race([searchOnce(node), routes.when(node)]);
      if (routes.to(node).length > 0 || !connecting.has(node)) return;
    }
  };
}
