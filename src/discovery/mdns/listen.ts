import type { Socket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectories, replaceFile } from '../../core/files/durable.ts';
import { errnoOf, explain, explainErrno } from '../../core/errors.ts';
import type { DuplicateNode, HeardNode, Log } from '../../core/ports.ts';
import { parseAnswers, parseProbe, type ServiceAnswer } from './wire/answer.ts';
import { startQuerier } from './querier.ts';
import { addressesToDial } from './dial-order.ts';
import { findInterfaces, leftOutWarning } from './interfaces.ts';
import { isOwnAddress } from './networks.ts';
import { machineBehind } from './peers/passed-on.ts';
import { createPeerMemory, type PeerMemory } from './peers/peer-memory.ts';
import { startProveQueue } from './peers/prove-queue.ts';
import type { ProveNode } from './peers/sighting.ts';
import { type AddressFamily, familiesOf, openListeningSocket, startMemberships } from './sockets.ts';

export interface ListenSetup {
  /** Names of interfaces; empty: all that support multicast. */
  readonly interfaces: readonly string[];
  /** The node's own name: another machine that proves it is a rival. */
  readonly identity: string;
  /** The id of its daemon, by which it knows itself. */
  readonly id: string;
  readonly log: Log;
  /** The file that keeps the memory over a restart. */
  readonly file?: string;
  /** Proves what is heard. */
  readonly prove: ProveNode;
  /** Called when two machines start to prove one name, this node's or another's. */
  readonly onDuplicate?: (duplicate: DuplicateNode) => void;
}

/** A node that remembers which nodes proved themselves to it. */
export interface Listening {
  readonly heard: () => HeardNode[];
  /** Names that two machines prove; for this node's own, only the other machine's address is given. */
  readonly duplicates: () => DuplicateNode[];
  /** The message about interfaces that it does not listen on since there are too many, or undefined. */
  readonly warning: () => string | undefined;
  readonly stop: () => Promise<void>;
}

/** Milliseconds. */
const joinEvery = 30_000;
const saveAfter = 5000;

/**
 * Listens to announcements of nodes on port 5353 (shared with any other responder on this host), and asks the network
 * at start and at intervals, so that a daemon can report nodes that have fallen silent. Garbage costs only the reading
 * of its header.
 */
export async function startListening(setup: ListenSetup): Promise<Listening> {
  const memory = createPeerMemory(setup.identity);
  const keeping = await startKeeping(memory, setup);
  const report = startReporting(setup, memory);
  const { identity: name, id, prove } = setup;
  const proving = startProveQueue(prove, async (sighting, address, proof) => {
    const known = await machineBehind(sighting, proof, { own: { identity: name, id }, memory, prove });
    if (known === 'own') return;
    if (known !== undefined) return memory.touch(sighting.identity, known.target, Date.now());
    memory.learn(sighting, address, Date.now());
    keeping.touch();
    report(sighting.identity);
    if (memory.isUnsure(sighting.identity)) asking.queryNode(sighting.identity);
  });
  const onAnswer = (answer: ServiceAnswer, from: string, all: readonly string[]) => {
    const { identity, target, port, claims, leaves } = answer;
    if (leaves) return memory.leave(identity, Date.now());
    // Link-local addresses are only valid on this link, and only with its name: they count for a host that has no
    // others.
    const everywhere = all.filter((host) => !host.includes('%'));
    const hosts = everywhere.length > 0 ? everywhere : all.filter((host) => !host.endsWith('%'));
    // Packets for this node from this host come from this node.
    const others = identity === setup.identity ? hosts.filter((host) => !isOwnAddress(host)) : hosts;
    const sighting = { identity, target, port, hosts: others, from, claims };
    if (memory.refresh(sighting, Date.now())) report(identity);
    else proving.see(sighting);
  };
  const group = await joinGroups(setup, (bytes, { address }) => {
    for (const answer of [...parseProbe(bytes), ...parseAnswers(bytes)]) {
      const [, zone = ''] = address.split('%');
      onAnswer(answer, address, addressesToDial({ addresses: answer.addresses, from: address, interface: zone }));
    }
  });
  const asking = startQuerier(
    setup,
    () => memory.heard(Date.now()).length,
    (heard) => onAnswer(heard, heard.from, addressesToDial(heard)),
  );
  return {
    heard: () => memory.heard(Date.now()),
    duplicates: () => memory.duplicates(Date.now()),
    warning: group.warning,
    async stop() {
      proving.stop();
      await Promise.all([asking.stop(), group.close()]);
      await keeping.stop();
    },
  };
}

/** Reports each duplicate once, and again if it had ended in between. */
function startReporting({ onDuplicate }: ListenSetup, memory: PeerMemory): (identity: string) => void {
  const reported = new Set<string>();
  return (identity) => {
    const duplicate = memory.duplicate(identity, Date.now());
    if (duplicate === undefined) reported.delete(identity);
    else if (!reported.has(identity)) {
      reported.add(identity);
      onDuplicate?.(duplicate);
    }
  };
}

/** Listens on port 5353, in the group on each interface, also on those that come up later. */
async function joinGroups({ interfaces, log }: ListenSetup, take: (bytes: Buffer, from: { address: string }) => void) {
  const sockets = new Map<AddressFamily, Socket>();
  for (const family of ['ipv4', 'ipv6'] as const) {
    try {
      const socket = await openListeningSocket(family);
      socket.on('error', (error) => log.warn({ reason: explainErrno(error) }, 'mDNS listener'));
      socket.on('message', take);
      sockets.set(family, socket);
    } catch (error) {
      // A host may lack one of the two.
      log.debug({ family, reason: explainErrno(error) }, 'nothing is received in this address family');
    }
  }
  const memberships = startMemberships();
  const joined = new Set<string>();
  let warning: string | undefined;
  const join = async () => {
    const found = findInterfaces(interfaces);
    warning = leftOutWarning(found);
    for (const one of found.used) {
      for (const family of familiesOf(one)) {
        const key = `${one.name} ${one[family]}`;
        if (!sockets.has(family) || joined.has(key)) continue;
        joined.add(key);
        try {
          await memberships.join(family, one);
        } catch (error) {
          // The socket is already in this interface's group: the interface has another address than before.
          if (errnoOf(error) === 'EADDRINUSE') continue;
          joined.delete(key);
          const logFields = { interface: one.name, family, reason: explainErrno(error) };
          log.warn(logFields, 'no multicast by this family on this interface');
        }
      }
    }
  };
  await join();
  let joining = Promise.resolve();
  const timer = setInterval(() => {
    joining = joining
      .then(join)
      .catch((error) => log.warn({ reason: explain(error) }, 'interfaces could not be joined'));
  }, joinEvery);
  timer.unref();
  return {
    warning: () => warning,
    close: async () => {
      clearInterval(timer);
      await joining;
      memberships.close();
      await Promise.all([...sockets.values()].map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
    },
  };
}

/** Stores the memory in a file, some seconds after a change and at the end. */
async function startKeeping(memory: PeerMemory, { file, log }: ListenSetup) {
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();
  if (file === undefined) return { touch: () => undefined, stop: async () => undefined };
  try {
    memory.restore(await readFile(file, 'utf8'));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') log.warn({ file, reason: explain(error) }, 'the list of known peers is lost');
  }
  const save = () => {
    timer = undefined;
    writing = writing
      .then(() => makeDirectories(dirname(file), 0o700))
      .then(() => replaceFile(file, memory.toJson(), { sync: false }))
      .catch((error) => log.warn({ file, reason: explainErrno(error) }, 'the list of known peers cannot be stored'));
  };
  return {
    touch: () => {
      timer ??= setTimeout(save, saveAfter).unref();
    },
    stop: async () => {
      if (timer !== undefined) {
        clearTimeout(timer);
        save();
      }
      await writing;
    },
  };
}
