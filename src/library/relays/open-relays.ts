import { startAnswerDeadline } from '../../core/waiting/deadline.ts';
import { Problem } from '../../core/errors.ts';
import { isNodeName } from '../../core/identity.ts';
import { type Address, defaultPort, parseAddress } from '../../core/node.ts';
import type { Dial, Log, TlsState } from '../../core/ports.ts';
import type { Cache } from '../../discovery/cache/cache.ts';
import type { Open } from '../../transport/dial/first-of.ts';
import { dialRelayLater } from '../../transport/later.ts';
import type { RelayConnection } from '../../transport/relay/connection.ts';
import { openLocalRelay } from '../../transport/relay/local/open.ts';
import type { ClientConfig } from '../config/config.ts';
import type { Caller } from '../fleet/call-node.ts';
import { openAutomatic } from './automatic.ts';
import { dialAddresses } from './dial-addresses.ts';
import type { KeyMemory } from './key-memory.ts';
import { startRelayLink } from './relay-link.ts';
import { type Relays, startRelays } from './relays.ts';

export interface OpenRelaysOptions {
  readonly config: ClientConfig;
  /** The value of `--via`: names, or `direct` for none. */
  readonly via: readonly string[];
  readonly tls: () => TlsState;
  readonly caller: Pick<Caller, 'credentials' | 'trust'>;
  readonly direct: Dial;
  readonly cache: Cache;
  readonly memory: KeyMemory;
  readonly log: Log;
}

/** Milliseconds for the host's own daemon to answer at its socket. */
const localTimeout = 1000;

/**
 * The relays of a command: those that `--via` names; else those of client.yaml and the host's own daemon, if it relays;
 * else, in a large fleet, nodes with the role of a relay in their certificates. A relay is named by the operator, by
 * the CA's certificate or by the socket of this host's root: never by its own claim.
 * @returns undefined when there are none
 * @throws Problem `usage`
 */
export async function openRelays(options: OpenRelaysOptions): Promise<Relays | undefined> {
  const { config, via, tls, caller, direct, memory, log } = options;
  if (via.includes('direct')) {
    if (via.length > 1) throw new Problem('usage', '“direct” means no relay: it cannot be combined with another --via');
    return undefined;
  }
  const named = via.length > 0 ? eachOnce(via.map((text) => readVia(text, options))) : namedRelays(config);
  const local = via.length > 0 ? undefined : await localLink(config.relay_socket);
  const dial = dialAddresses(dialRelayLater(tls, config.timeout * 1000));
  const links = named.map(({ name, addresses }) =>
    startRelayLink(name, () => dialInTime(dial, name, addresses, config.timeout)),
  );
  const allLinks = local === undefined ? links : [local, ...links];
  const all = allLinks.length > 0 || !config.auto_relays ? allLinks : await openAutomatic(options.cache, tls);
  return all.length === 0 ? undefined : startRelays({ links: all, caller, direct, memory, log });
}

/** @param seconds for all of its addresses @throws Problem */
async function dialInTime(
  dial: Open<RelayConnection>,
  name: string,
  addresses: readonly Address[],
  seconds: number,
): Promise<RelayConnection> {
  const deadline = startAnswerDeadline(seconds * 1000, []);
  try {
    return await dial(name, addresses, deadline.signal);
  } catch (cause) {
    if (!deadline.passed() || !(cause instanceof Problem && cause.code === 'cancelled')) throw cause;
    throw new Problem('unreachable', `${name} does not answer within ${seconds} s`, 'check that the host is up', {
      cause,
    });
  } finally {
    deadline.end();
  }
}

/** The host's own daemon, if it relays and this user may use it. */
async function localLink(socket: string) {
  const link = startRelayLink('local', () => openLocalRelay(socket, localTimeout, new AbortController().signal));
  try {
    await link.open();
    return link;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** Those of client.yaml. @throws Problem `usage` for an invalid address */
export function namedRelays({ relays }: Pick<ClientConfig, 'relays'>): NamedRelay[] {
  return eachOnce(relays.map(readRelay));
}

/** A relay that is named twice has two addresses: it is one relay, at the first that answers. */
function eachOnce(relays: readonly NamedRelay[]): NamedRelay[] {
  const byName = new Map<string, NamedRelay>();
  for (const { name, addresses } of relays)
    byName.set(name, { name, addresses: [...(byName.get(name)?.addresses ?? []), ...addresses] });
  return [...byName.values()];
}

export interface NamedRelay {
  readonly name: string;
  readonly addresses: readonly Address[];
}

/** `NAME`, from client.yaml or the cache or a host name, or `NAME=ADDRESS`. */
function readVia(text: string, { config, cache }: OpenRelaysOptions): NamedRelay {
  const [name = '', address] = text.split('=', 2);
  if (!isNodeName(name))
    throw new Problem('usage', `“${name}” is not the name of a relay`, 'write --via NAME[=ADDRESS]');
  if (address !== undefined) return { name, addresses: [readAddress(address, name)] };
  const listed = namedRelays(config).find((relay) => relay.name === name);
  if (listed !== undefined) return listed;
  const cached = cache.nodes().find((node) => node.name === name);
  return { name, addresses: [...(cached?.addresses ?? []), { host: name, port: defaultPort }] };
}

function readRelay(relay: ClientConfig['relays'][number]): NamedRelay {
  if (typeof relay === 'string') return { name: relay, addresses: [{ host: relay, port: defaultPort }] };
  const { name, address } = relay;
  return { name, addresses: [address === undefined ? { host: name, port: defaultPort } : readAddress(address, name)] };
}

function readAddress(text: string, name: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Problem('usage', `“${text}” is not an address of the relay ${name}`);
  return address;
}
