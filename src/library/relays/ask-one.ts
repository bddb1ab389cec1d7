import { startDeadline } from '../../core/waiting/deadline.ts';
import { explain, Problem } from '../../core/errors.ts';
import type { DiscoverEvent, DiscoverRequest } from '../../core/wire/messages.ts';
import type { RelayLink } from './relay-link.ts';

export type OnNode = (event: DiscoverEvent, link: RelayLink) => void;

/** Milliseconds in which a relay must end its list: it may be long, and the relay may be hostile. */
const longestList = 60_000;

/**
 * Asks one relay for its nodes.
 * @param pause milliseconds beyond the time of the search that it may pause, once it is connected
 * @returns why it could not be asked, or undefined
 */
export async function askOne(...asked: Parameters<typeof readList>): Promise<Problem | undefined> {
  try {
    await readList(...asked);
    return undefined;
  } catch (error) {
    return error instanceof Problem ? error : new Problem('unreachable', `${asked[0].name}: ${explain(error)}`);
  }
}

async function readList(
  link: RelayLink,
  request: DiscoverRequest,
  onNode: OnNode,
  signal: AbortSignal,
  pause: number,
): Promise<void> {
  const relay = await link.open();
  const began = performance.now();
  // What has arrived while this program was busy is read first: only the relay's own pauses count.
  const deadline = startDeadline(request.timeout + pause, [signal], setImmediate);
  const onEvent = (event: DiscoverEvent) => {
    if (performance.now() - began < longestList) deadline.extend();
    onNode(event, link);
  };
  try {
    await relay.discover(request, onEvent, deadline.signal);
  } catch (error) {
    throw deadline.passed() ? new Problem('no-response', `${link.name} does not end its list of nodes`) : error;
  } finally {
    deadline.end();
  }
}
