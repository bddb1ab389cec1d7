import { isIP, SocketAddress } from 'node:net';
import { join } from 'node:path';
import { lookUpFact } from '../../core/filter/fact.ts';
import type { NodeFacts } from '../../core/node.ts';
import { describeDuplicate } from '../../core/duplicate.ts';
import type { DuplicateNode, HeardNode, Log, TlsState } from '../../core/ports.ts';
import { startAnnouncing } from '../../discovery/mdns/announce.ts';
import { findInterfaces } from '../../discovery/mdns/interfaces.ts';
import { startListening } from '../../discovery/mdns/listen.ts';
import type { ProveNode } from '../../discovery/mdns/peers/sighting.ts';
import { daemonAt } from '../../transport/who-answers.ts';
import type { NodeConfig } from '../config/config.ts';

/** The node in multicast DNS: what it announces, and the nodes that it hears. */
export interface Presence {
  readonly heard: () => readonly HeardNode[];
  /** Names that two machines prove, this node's own or another's. */
  readonly duplicates: () => readonly DuplicateNode[];
  readonly warnings: () => readonly string[];
  /** Announces what has changed. */
  readonly update: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Milliseconds for another node to prove itself. */
const proofTimeout = 3000;

/** A node that announces nothing and hears nobody. */
export const absent: Presence = {
  heard: () => [],
  duplicates: () => [],
  warnings: () => [],
  update: () => Promise.resolve(),
  stop: () => Promise.resolve(),
};

/**
 * @param self the node's facts, of which only the published ones are announced
 * @param id of the daemon
 */
export async function startPresence(
  config: NodeConfig,
  self: () => NodeFacts,
  port: number,
  tls: () => TlsState,
  id: string,
  log: Log,
): Promise<Presence> {
  if (!config.discovery.mdns) return absent;
  const { interfaces } = config.discovery;
  const { name } = self();
  const address = onlyAddress(config.listen.address);
  const place = { port, interfaces, ...(address === undefined ? {} : { address }) };
  const announcing = await startAnnouncing({ identity: name, ...place, log, ...claims(self(), config) });
  announcing.settled().then(
    (outcome) => log.info({ outcome }, outcome),
    (error: unknown) => log.error({ err: error }, 'the node could not be announced'),
  );
  /** With this machine's own address, in the order in which the two appeared. */
  const complete = (duplicate: DuplicateNode): DuplicateNode => {
    if (duplicate.identity !== name) return duplicate;
    const [here] = findInterfaces(interfaces).used;
    const own = address ?? here?.ipv4 ?? here?.ipv6 ?? 'this machine';
    // Announced before the other was heard. A name that was lost to it later still belonged to this machine first.
    const isFirst = (announcing.firstAnnounced() ?? Number.POSITIVE_INFINITY) <= duplicate.since;
    return { ...duplicate, addresses: isFirst ? [own, ...duplicate.addresses] : [...duplicate.addresses, own] };
  };
  const prove: ProveNode = (node, address) => daemonAt(node, address, tls(), proofTimeout);
  const listening = await startListening({
    interfaces,
    identity: name,
    id,
    log,
    file: join(config.state, 'peers.json'),
    prove,
    onDuplicate: (duplicate) => log.error({ identity: duplicate.identity }, describeDuplicate(complete(duplicate))),
  });
  const leftOut = listening.warning();
  if (leftOut !== undefined) log.warn({}, leftOut);
  const duplicates = () => listening.duplicates().map(complete);
  const ownDuplicate = () => duplicates().filter(({ identity }) => identity === name);
  return {
    heard: listening.heard,
    duplicates,
    warnings: () => {
      const own = ownDuplicate().map(describeDuplicate);
      const texts = [announcing.conflict(), announcing.unreached(), ...own, listening.warning()];
      return texts.filter((text) => text !== undefined);
    },
    update: () => announcing.update(claims(self(), config)),
    stop: async () => {
      await Promise.all([announcing.stop(), listening.stop()]);
    },
  };
}

/** The address that the daemon listens at alone, without a zone; undefined if it listens at all of the host's. */
function onlyAddress(listen: string): string | undefined {
  const [written = ''] = listen.split('%');
  const version = isIP(written);
  if (version === 0) return undefined;
  // As the system writes it: “::0” is “::”.
  const { address } = new SocketAddress({ address: written, family: version === 4 ? 'ipv4' : 'ipv6' });
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  return ['::', '0.0.0.0'].includes(plain) ? undefined : plain;
}

function claims({ agents, classes, facts }: NodeFacts, { facts: { publish } }: NodeConfig) {
  const published: Record<string, string> = {};
  for (const name of publish) {
    const value = lookUpFact(facts, name);
    if (['string', 'number', 'boolean'].includes(typeof value)) published[name] = String(value);
  }
  return { agents, classes, facts: published };
}
