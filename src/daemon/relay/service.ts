import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../core/errors.ts';
import { callerId, type Identity } from '../../core/identity.ts';
import type { DiscoverySource, NodeService, RelayService, RelayUser } from '../../core/ports.ts';
import { sizeOfRequest } from '../../core/sealed/size.ts';
import { noFilter } from '../../core/filter/filter.ts';
import type { DiscoverEvent, DiscoverRequest, SignedKey } from '../../core/wire/messages.ts';
import type { Policies } from '../agents/policies.ts';
import type { Budget } from './budget.ts';
import { type OtherRelays, startOtherRelays } from './other-relays.ts';
import type { KnownPeer, Pool, WarmPeer } from './pool.ts';

export interface RelayParts {
  /** The relay is a node, too, and its own peer. */
  readonly own: Pick<NodeService, 'key' | 'sealed'>;
  readonly identity: Identity;
  readonly pool: Pool;
  readonly budget: Budget;
  readonly policies: Policies;
  /** The known nodes: heard by multicast, or on a list. */
  readonly known: () => Promise<readonly KnownPeer[]>;
  /**
   * Asks the relay's own segments now; omitted where multicast is off.
   * @param timeout milliseconds
   * @param connected nodes that need not answer
   */
  readonly ask?: (timeout: number, connected: readonly string[]) => DiscoverySource;
  readonly count: (what: 'forwarded' | 'withheld') => void;
  readonly now: () => number;
}

const agent = 'relay';
/**
 * Milliseconds beyond the time of the search that another relay may take for its list: it waits as this one does for the
 * nodes that it is connecting to, and its answer has a way to go.
 */
const otherRelayTimeout = 2000;
const longestTimeout = 60_000;

/**
 * Relays for others. A request from an operator goes to a peer, or to another relay that has it as its peer; a request
 * from a node, which is such another relay, goes only to a peer: so no request passes more than two relays, whatever it
 * says.
 */
export function defineRelay(parts: RelayParts): RelayService {
  const { identity, own, pool, budget, policies, count } = parts;
  const others = startOtherRelays(pool);
  return {
    admit: async (user, action) => {
      if (user === 'local') return;
      const caller = callerId(user);
      const limited = user.applications !== undefined;
      if (await policies.allows({ caller, agent, action, limited })) return;
      const hint = 'a policy on the relay would have to allow it (policies/relay.policy)';
      throw new Problem('policy-denied', `${caller} may not ${agent}.${action} on ${identity.name}`, hint);
    },
    forward: async (target, request, user, onEvent, signal) => {
      try {
        const leave = budget.take(user === 'local' ? user : callerId(user), sizeOfRequest(request));
        try {
          if (target === identity.name) {
            return await own.sealed(request, identity, { send: onEvent, isCongested: () => false });
          }
          const peer = pool.warm(target) ?? (await pool.whenWarm(target));
          if (peer !== undefined) await peer.connection.sealed(request, onEvent, signal);
          else await relayOf(target, user).forward(target, request, onEvent, signal);
        } finally {
          leave();
        }
        count('forwarded');
      } catch (error) {
        count('withheld');
        throw error;
      }
    },
    discover: (request, user, onNode, signal) => discover(request, user, onNode, signal, parts, others),
  };

  /** The second relay on the way. @throws Problem `unknown-target` */
  function relayOf(target: string, user: RelayUser) {
    const relay = isOperator(user) ? others.to(target) : undefined;
    if (relay === undefined) throw new Problem('unknown-target', `${identity.name} has no connection to ${target}`);
    return relay.connection;
  }
}

function isOperator(user: RelayUser): boolean {
  return user === 'local' || user.kind === 'operator';
}

/**
 * Milliseconds that a node that was just heard, or is being connected, may take until it is reported as unreachable.
 */
const warmingTimeout = 1000;

async function discover(
  { timeout, names }: DiscoverRequest,
  user: RelayUser,
  onNode: (event: DiscoverEvent) => void,
  signal: AbortSignal,
  parts: RelayParts,
  others: OtherRelays,
): Promise<void> {
  const { identity, own, pool, known, ask, now } = parts;
  const chosen = names.length === 0 ? undefined : new Set(names);
  const found = startReport(onNode);
  const looking = new Map<string, Promise<void>>();
  const look = (node: string) => {
    if (looking.has(node) || chosen?.has(node) === false) return;
    const report = (warm: WarmPeer | undefined) =>
      found.report({ node, path: [identity.name], lastHeard: pool.lastHeard(node) }, warm?.key);
    const warm = pool.warm(node);
    if (warm !== undefined) report(warm);
    looking.set(node, warm === undefined ? pool.whenWarm(node).then(report) : Promise.resolve());
  };

  if (chosen?.has(identity.name) !== false) {
    found.report({ node: identity.name, path: [identity.name], lastHeard: now() }, own.key());
  }
  const isMissing = (node: string) => !found.isReached(node);
  if (chosen !== undefined) {
    // Named nodes that are all connected need no search, and no look at the list of peers, which may be long.
    for (const node of chosen) if (pool.warm(node) !== undefined) look(node);
    if (![...chosen].some(isMissing)) return;
  }
  pool.know(await known());
  for (const node of pool.names()) look(node);
  // A caller without a timeout wants what the relay has already: only named nodes are worth waiting for.
  const isBrief = timeout === 0 && chosen === undefined;
  const time = Math.min(timeout, longestTimeout);
  const ofOthers = isOperator(user)
    ? others.ask(
        { timeout: time, names },
        ({ node, key, lastHeard }, name) => {
          if (node === identity.name || pool.warm(node) !== undefined) return;
          // The way that a request takes.
          const second = others.to(node)?.name ?? name;
          found.report({ node, path: [identity.name, second], lastHeard }, key ?? undefined);
        },
        isBrief ? warmingTimeout : time + otherRelayTimeout,
        signal,
      )
    : Promise.resolve();
  if (timeout > 0 && ask !== undefined) {
    const filter = chosen === undefined ? noFilter : { ...noFilter, identities: [...chosen].filter(isMissing) };
    for await (const { name, addresses } of ask(time, needNotAnswer(pool)).discover(filter, signal)) {
      if (name === identity.name) continue;
      pool.know([{ name, addresses, lastHeard: now() }]);
      look(name);
    }
  }
  const settled = Promise.all(isBrief ? [] : looking.values());
  await Promise.race([settled, sleep(warmingTimeout, undefined, { ref: false })]);
  await ofOthers;
  // Nodes that it knows and could not reach are reported, so that they do not count as gone.
  const isIncomplete = timeout > 0 && chosen !== undefined && [...chosen].some(isMissing);
  // The names of all others show a user what a name that was not found may have been meant to be.
  for (const node of [...looking.keys(), ...(isIncomplete ? pool.names() : [])])
    found.report({ node, path: [identity.name], lastHeard: pool.lastHeard(node) });
  found.end();
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
