import { join } from 'node:path';
import { lookUpFact } from '../../core/filter/fact.ts';
import type { NodeFacts } from '../../core/node.ts';
import type { HeardNode, Log } from '../../core/ports.ts';
import { startAnnouncing } from '../../discovery/mdns/announce.ts';
import { findInterfaces, leftOutWarning } from '../../discovery/mdns/interfaces.ts';
import { startListening } from '../../discovery/mdns/listen.ts';
import type { NodeConfig } from '../config/config.ts';

/** The node on the multicast wire: what it says of itself and whom it hears. */
export interface Presence {
  readonly heard: () => readonly HeardNode[];
  readonly warnings: () => readonly string[];
  /** Announces anew what changed. */
  readonly update: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** A node that says nothing of itself and hears nobody. */
export const absent: Presence = {
  heard: () => [],
  warnings: () => [],
  update: () => Promise.resolve(),
  stop: () => Promise.resolve(),
};

/** @param self what is true of the node, of which only the published facts go out */
export async function startPresence(
  config: NodeConfig,
  self: () => NodeFacts,
  port: number,
  log: Log,
): Promise<Presence> {
  if (!config.discovery.mdns) return absent;
  const { interfaces } = config.discovery;
  const { name } = self();
  const leftOut = () => leftOutWarning(findInterfaces(interfaces));
  const warning = leftOut();
  if (warning !== undefined) log.warn({}, warning);
  const announcing = await startAnnouncing({ identity: name, port, interfaces, log, ...claims(self(), config) });
  void announcing.settled().then((outcome) => log.info({ outcome }, outcome));
  const listening = await startListening({ interfaces, identity: name, log, file: join(config.state, 'peers.json') });
  return {
    heard: listening.heard,
    warnings: () => {
      return [announcing.conflict(), listening.rival(), leftOut()].filter((warning) => warning !== undefined);
    },
    update: () => announcing.update(claims(self(), config)),
    stop: async () => {
      await Promise.all([announcing.stop(), listening.stop()]);
    },
  };
}

function claims({ agents, classes, facts }: NodeFacts, { facts: { publish } }: NodeConfig) {
  const published: Record<string, string> = {};
  for (const name of publish) {
    const value = lookUpFact(facts, name);
    if (['string', 'number', 'boolean'].includes(typeof value)) published[name] = String(value);
  }
  return { agents, classes, facts: published };
}
