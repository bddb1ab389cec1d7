import { fingerprintOf, parseCertificate } from '../../core/credentials/certificate.ts';
import { issuersOf } from '../../core/credentials/issuers.ts';
import type { Trust } from '../../core/credentials/proof.ts';
import { Problem } from '../../core/errors.ts';
import { isNodeName } from '../../core/identity.ts';
import type { Address } from '../../core/node.ts';
import type { Dial, Log, NodeConnection } from '../../core/ports.ts';
import { type KeyPair, makeKeyPair } from '../../core/sealed/encryption-key.ts';
import type { DiscoverOverRelays, RelaySearch } from '../../discovery/relay/source.ts';
import type { DiscoverRequest } from '../../core/wire/messages.ts';
import type { Caller } from '../fleet/call-node.ts';
import { type AskAgain, startAskingAgain } from './ask-again.ts';
import { askOne, type OnNode } from './ask-one.ts';
import { type KeyMemory, noKeyMemory } from './key-memory.ts';
import { startLook } from './look.ts';
import { startNameStream } from './name-stream.ts';
import type { RelayLink } from './relay-link.ts';
import { relayedConnection } from './relayed-connection.ts';
import { type Route, type Routes, startRoutes } from './routes.ts';
import { startSearchByName } from './search-by-name.ts';

/** The relays of one command, and their ways to nodes. */
export interface Relays {
  /** @throws Problem `no-relay` when none answers */
  readonly ask: DiscoverOverRelays;
  /** Reaches nodes over relays that have a connection to them, and directly otherwise. */
  readonly dial: Dial;
  /** Reaches a node over the way that an earlier command had, if there is one: that needs no dialling. */
  readonly recall: (name: string, addresses: readonly Address[]) => NodeConnection | undefined;
  /** Ends all connections, once each node was asked to end the call that its caller gave up. */
  readonly close: () => Promise<void>;
}

export interface RelaysOptions {
  readonly links: readonly RelayLink[];
  readonly caller: Pick<Caller, 'credentials' | 'trust'>;
  readonly direct: Dial;
  readonly log: Log;
  /** The keys that earlier commands proved. */
  readonly memory?: KeyMemory;
}

/** The nodes of a command with which a secret is shared at most: each takes some 300 bytes. */
const mostNodes = 20_000;
/** Milliseconds after which a relay is asked again for the key of a node: its daemon may have been restarted. */
const keyAge = 5000;
/** Milliseconds beyond the time of the search that a relay may pause in its list of nodes. */
const listTimeout = 10_000;
/** Milliseconds for a relay to report keys again. */
const againTimeout = 3000;

export function startRelays({ links, caller, direct, log, memory = noKeyMemory }: RelaysOptions): Relays {
  const routes = startRoutes((): Trust => caller.trust, memory);
  const keyPair: KeyPair = makeKeyPair(mostNodes);
  const asking = { links, routes, log };
  const closing = new AbortController();
  const cancelling = new Set<Promise<unknown>>();
  const again = new Map(links.map((link) => [link, askAgainOver(link, routes, closing.signal)]));
  /** The first question to the relays about their nodes, if nodes come from another source. */
  const look = startLook({ links, onNode: routes.note, signal: closing.signal, log });
  const search = startSearchByName(links, routes, closing.signal);
  /** As soon as one relay names it; the others must answer only to know that none does. */
  const find = async (name: string, addresses: readonly Address[], signal: AbortSignal) => {
    if (routes.to(name).length > 0) return;
    await Promise.race([look(), routes.when(name)]);
    if (addresses.length === 0 && routes.to(name).length === 0) await search(name, signal);
  };
  const over = (name: string, addresses: readonly Address[], recalled?: Route) =>
    relayedConnection(name, {
      caller,
      keyPair,
      recalled,
      routes: async (node) => {
        await find(node, addresses, closing.signal);
        return await freshRoutes(node, routes, again);
      },
      direct: (within) => direct(name, addresses, within),
      onReply: (route) => remember(name, route, memory, caller.trust),
      onCancelling: (asked) => {
        const ended = asked.finally(() => cancelling.delete(ended));
        cancelling.add(ended);
      },
    });
  return {
    ask: (search, signal) => askForNodes(search, asking, signal),
    dial: async (name, addresses, signal) => {
      await find(name, addresses, signal);
      if (routes.to(name).length === 0) return await direct(name, addresses, signal);
      return over(name, addresses);
    },
    recall: (name, addresses) => {
      const recalled = routes.to(name).length === 0 ? routes.recall(name, links) : undefined;
      return recalled && over(name, addresses, recalled);
    },
    close: async () => {
      // A relay drops what it has not passed on when its user is gone.
      if (cancelling.size > 0) await Promise.all(cancelling);
      closing.abort();
      for (const link of links) link.close();
    },
  };
}

/** Asks a relay for the keys of nodes that it has reported before. */
function askAgainOver(link: RelayLink, routes: Routes, signal: AbortSignal): AskAgain {
  return startAskingAgain(async (names, onReported) => {
    const onNode: OnNode = (event) => {
      if (routes.take(event, link)) onReported(event.node);
    };
    return (await askOne(link, { timeout: 0, names }, onNode, signal, againTimeout)) === undefined;
  });
}

interface Asking {
  readonly links: readonly RelayLink[];
  readonly routes: Routes;
  readonly log: Log;
}

async function askAll(
  request: DiscoverRequest,
  { links, log }: Pick<Asking, 'links' | 'log'>,
  onNode: OnNode,
  signal: AbortSignal,
): Promise<void> {
  const faults = await Promise.all(links.map((link) => askOne(link, request, onNode, signal, listTimeout)));
  const broken = faults.flatMap((fault, index) => (fault === undefined ? [] : [{ fault, link: links[index] }]));
  signal.throwIfAborted();
  if (broken.length === links.length) throw noRelay(broken.map(({ fault }) => fault));
  for (const { fault, link } of broken) log.warn({}, `the relay ${link?.name} is not used: ${fault.message}`);
}

/** The names of the nodes that relays know, as they arrive. */
function askForNodes(
  { timeout, names, isWanted }: RelaySearch,
  asking: Asking,
  signal: AbortSignal,
): ReturnType<DiscoverOverRelays> {
  const stream = startNameStream();
  const unreached = new Set<string>();
  const missing = new Set(names);
  const onNode: OnNode = (event, link) => {
    const name = event.node;
    if (isWanted(name) && asking.routes.take(event, link)) {
      unreached.delete(name);
      stream.push(name);
      // No other node can match. Further relays still report their ways to these.
      if (missing.delete(name) && missing.size === 0) stream.end();
    } else unreached.add(name);
  };
  askAll({ timeout, names }, asking, onNode, signal).then(() => {
    // A node that relays know and cannot reach is searched for like any expected node.
    for (const name of unreached) stream.push(name);
    stream.end();
  }, stream.fail);
  return stream;
}

/**
 * A restarted daemon has another key: an older one is asked for again, if that costs one question. Where a busy relay
 * does not reply in time, the older one is used: a node that does not have it any more refuses what is sealed to it.
 */
async function freshRoutes(
  node: string,
  routes: Routes,
  again: ReadonlyMap<RelayLink, AskAgain>,
): Promise<readonly Route[]> {
  const known = routes.to(node);
  const now = performance.now();
  const old = known.filter(({ at, link }) => now - at > keyAge || !link.isOpen());
  if (old.length === 0) return known;
  const replied = await Promise.all(old.map(({ link }) => again.get(link)?.(node)));
  const silent = old.filter((_, index) => replied[index] === false).map(({ link }) => link);
  const isFresh = ({ link, at }: Route) => silent.includes(link) || performance.now() - at <= keyAge * 2;
  return routes.to(node).filter((route) => route.link.isOpen() && isFresh(route));
}

/** A node that has replied with this key, and over this relay, is called the same way by the next command. */
function remember(node: string, { link, unknown, path }: Route, memory: KeyMemory, trust: Trust): void {
  const [leaf] = unknown?.chain ?? [];
  if (unknown === undefined || leaf === undefined || !path.every(isNodeName)) return;
  const issuers = issuersOf(parseCertificate(leaf), trust).map(fingerprintOf);
  memory.learn(node, { signed: unknown, issuers, relay: link.name, path });
}

function noRelay(faults: readonly Problem[]): Problem {
  const why = faults.map(({ message }) => message).join('; ');
  const hint = 'see “mco-deploy doctor”, or add --via direct';
  return new Problem('no-relay', `no relay can be used: ${why}`, hint);
}
