import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { noFilter } from '../../core/filter/filter.ts';
import type { Identity } from '../../core/identity.ts';
import type { DiscoverySource, NodeService, RelayUser } from '../../core/ports.ts';
import type { DiscoverEvent, DiscoverRequest, SignedKey } from '../../core/wire/messages.ts';
import type { OtherRelays } from './other-relays.ts';
import type { KnownPeer, Pool, WarmPeer } from './pool.ts';

/** What a relay searches for nodes. */
export interface SearchParts {
  /** The relay is a node, too, and its own peer. */
  readonly own: Pick<NodeService, 'key'>;
  readonly identity: Identity;
  readonly pool: Pool;
  readonly others: OtherRelays;
  /** The known nodes: heard by multicast, or on a list. */
  readonly known: () => Promise<readonly KnownPeer[]>;
  /**
   * Asks the relay's own segments now; omitted where multicast is off.
   * @param timeout milliseconds
   * @param connected nodes that need not answer
   */
  readonly ask?: (timeout: number, connected: readonly string[]) => DiscoverySource;
  readonly now: () => number;
}

/** What a user asks for, and who gets the nodes. */
export interface Question extends DiscoverRequest {
  readonly user: RelayUser;
  readonly onNode: (event: DiscoverEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Milliseconds beyond the time of the search that another relay may take for its list: it waits as this one does for the
 * nodes that it is connecting to, and its answer has a way to go.
 */
const otherRelayTimeout = 2000;
const longestTimeout = 60_000;
/**
 * Milliseconds that a node that was just heard, or is being connected, may take until it is reported as unreachable.
 */
const warmingTimeout = 1000;

export function isOperator(user: RelayUser): boolean {
  return user === 'local' || user.kind === 'operator';
}

/** Reports the nodes that a relay is connected to, or becomes connected to while it searches. */
export async function discover(question: Question, parts: SearchParts): Promise<void> {
  const { user, timeout } = question;
  const { identity, own, pool, known, now } = parts;
  const chosen = question.names.length === 0 ? undefined : new Set(question.names);
  const found = startReport(question.onNode);
  const missing = () => [...(chosen ?? [])].filter((node) => !found.isReached(node));
  const reportPeer = (node: string, warm?: WarmPeer) =>
    found.report({ node, path: [identity.name], lastHeard: pool.lastHeard(node) }, warm?.key);
  const peers = startLook(pool, chosen, reportPeer);

  if (chosen?.has(identity.name) !== false) {
    found.report({ node: identity.name, path: [identity.name], lastHeard: now() }, own.key());
  }
  if (chosen !== undefined) {
    // Named nodes that are all connected need no search, and no look at the list of peers, which may be long.
    for (const node of chosen) if (pool.warm(node) !== undefined) peers.look(node);
    if (missing().length === 0) return;
  }
  pool.know(await known());
  for (const node of pool.names()) peers.look(node);
  // A caller without a timeout wants what the relay has already: only named nodes are worth waiting for.
  const isBrief = timeout === 0 && chosen === undefined;
  const ofOthers = isOperator(user) ? askOthers(question, isBrief, parts, found.report) : undefined;
  const identities = missing();
  for await (const name of heardNow(question, identities, parts)) peers.look(name);
  const settled = isBrief ? undefined : peers.settled();
  await Promise.race([settled, sleep(warmingTimeout, undefined, { ref: false })]);
  await ofOthers;
  // Nodes that it knows and could not reach are reported, so that they do not count as gone.
  const isIncomplete = timeout > 0 && missing().length > 0;
  // The names of all others show a user what a name that was not found may have been meant to be.
  for (const node of [...peers.looked(), ...(isIncomplete ? pool.names() : [])]) reportPeer(node);
  found.end();
}

/** Looks at each peer once: now if it is connected, and when it becomes so. */
function startLook(
  pool: Pool,
  chosen: ReadonlySet<string> | undefined,
  report: (node: string, warm: WarmPeer | undefined) => void,
) {
  const looking = new Map<string, Promise<void>>();
  return {
    look: (node: string) => {
      if (looking.has(node) || chosen?.has(node) === false) return;
      const warm = pool.warm(node);
      if (warm !== undefined) report(node, warm);
      const later = async () => report(node, await pool.whenWarm(node));
      looking.set(node, warm === undefined ? later() : Promise.resolve());
    },
    looked: () => looking.keys(),
    settled: () => Promise.all(looking.values()),
  };
}

type Report = ReturnType<typeof startReport>['report'];

/** Reports the nodes of other relays that this one is not connected to itself. */
function askOthers(
  { timeout, names, signal }: Question,
  isBrief: boolean,
  { identity, pool, others }: SearchParts,
  report: Report,
): Promise<void> {
  const time = Math.min(timeout, longestTimeout);
  return others.ask(
    { timeout: time, names },
    ({ node, key, lastHeard }, name) => {
      if (node === identity.name || pool.warm(node) !== undefined) return;
      // The way that a request takes.
      const second = others.to(node)?.name ?? name;
      report({ node, path: [identity.name, second], lastHeard }, key ?? undefined);
    },
    isBrief ? warmingTimeout : time + otherRelayTimeout,
    signal,
  );
}

/** The names of the nodes that answer by multicast now, which the relay knows from then on. */
async function* heardNow(
  { timeout, signal }: Question,
  identities: string[],
  { identity, pool, ask, now }: SearchParts,
): AsyncGenerator<string> {
  if (timeout === 0 || ask === undefined) return;
  const source = ask(Math.min(timeout, longestTimeout), needNotAnswer(pool));
  for await (const { name, addresses } of source.discover({ ...noFilter, identities }, signal)) {
    if (name === identity.name) continue;
    pool.know([{ name, addresses, lastHeard: now() }]);
    yield name;
  }
}

/** How many of the connected nodes answer a question by multicast nevertheless: the search lasts as long as answers take. */
const mostHeralds = 3;

/**
 * The connected nodes that need not answer by multicast: all but some of those that were heard by it. A hundred that
 * answer at once keep the relay, and themselves, from the requests that follow; and what they would say is known, since
 * a connection is there.
 */
function needNotAnswer({ names, warm, lastHeard }: Pool): string[] {
  const connected = names().filter((name) => warm(name) !== undefined);
  const heard = connected.filter((name) => lastHeard(name) > 0);
  const first = heard.length === 0 ? 0 : randomInt(heard.length);
  const heralds = new Set([...heard.slice(first), ...heard.slice(0, first)].slice(0, mostHeralds));
  return connected.filter((name) => !heralds.has(name));
}

/** Reports each node once, with its key if there is one. What becomes known after the end is not reported. */
function startReport(onNode: (event: DiscoverEvent) => void) {
  const hasKey = new Map<string, boolean>();
  let isOver = false;
  return {
    end: () => {
      isOver = true;
    },
    isReached: (node: string) => hasKey.get(node) === true,
    report: (event: Omit<DiscoverEvent, 'key'>, key?: SignedKey) => {
      const before = hasKey.get(event.node);
      if (isOver || before === true || (before === false && key === undefined)) return;
      hasKey.set(event.node, key !== undefined);
      onNode({ ...event, ...(key === undefined ? {} : { key }) });
    },
  };
}
