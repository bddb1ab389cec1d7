import { setTimeout as sleep } from 'node:timers/promises';
import { defineLimit, type Limit } from '../../core/waiting/concurrency.ts';
import { explain, Problem } from '../../core/errors.ts';
import type { Address } from '../../core/node.ts';
import type { Log } from '../../core/ports.ts';
import type { SignedKey } from '../../core/wire/messages.ts';
import type { Open } from '../../transport/dial/first-of.ts';
import type { PeerConnection } from '../../transport/relay/peers/peer.ts';
import { requireUsualSize } from './key-size.ts';

/** A peer that is connected, with the key that it signed. */
export interface WarmPeer {
  readonly connection: PeerConnection;
  readonly key: SignedKey;
}

/** A peer that the relay knows. */
export interface KnownPeer {
  readonly name: string;
  readonly addresses: readonly Address[];
  /** Milliseconds since the epoch; 0 for one that only a list names. */
  readonly lastHeard: number;
}

/** The relay's connections to its peers, kept open. */
export interface Pool {
  readonly warm: (name: string) => WarmPeer | undefined;
  readonly names: () => readonly string[];
  readonly lastHeard: (name: string) => number;
  /** Updates the known peers: connects to new ones, as far as there is room. */
  readonly know: (peers: readonly KnownPeer[]) => void;
  /** Closes the connection to a peer, and does not connect to it again. */
  readonly forget: (name: string) => void;
  /**
   * Resolves as soon as the peer is connected, or its current attempt has failed.
   * @returns undefined when it is unknown, or cannot be reached now
   */
  readonly whenWarm: (name: string) => Promise<WarmPeer | undefined>;
  readonly counts: () => { readonly warm: number; readonly known: number };
  readonly stop: () => void;
}

export interface PoolOptions {
  readonly dial: Open<PeerConnection>;
  /** The maximum number of peers. A further one replaces one that is not connected and was not heard for longer. */
  readonly most: number;
  readonly log: Log;
}

/** Connections that are made at the same time. */
const dialsAtOnce = 16;
/** Milliseconds to wait before a peer that could not be reached is dialled again; doubled each time, up to the longest. */
const firstWait = 500;
const longestWait = 60_000;
/** Milliseconds for a peer to send its key. */
const keyTimeout = 5000;

interface Peer {
  known: KnownPeer;
  warm: WarmPeer | undefined;
  /** Of the current attempt. */
  attempt: Promise<void>;
  /** Ends the wait for the next attempt. */
  hurry: AbortController;
}

export function startPool({ dial, most, log }: PoolOptions): Pool {
  const peers = new Map<string, Peer>();
  const stopping = new AbortController();
  const warming = { dial, log, peers, limit: defineLimit(dialsAtOnce), stopping: stopping.signal };
  const forget = (name: string) => {
    const peer = peers.get(name);
    peers.delete(name);
    peer?.hurry.abort();
    peer?.warm?.connection.close();
  };
  const usable = ({ warm }: Peer) => (warm?.connection.refuse() === undefined ? warm : undefined);
  return {
    warm: (name) => {
      const peer = peers.get(name);
      return peer === undefined ? undefined : usable(peer);
    },
    names: () => [...peers.keys()],
    lastHeard: (name) => peers.get(name)?.known.lastHeard ?? 0,
    know: (all) => {
      // A host that is gone for good must not keep a new one out. The longest unheard is at the end.
      let replaceable: Peer[] | undefined;
      for (const known of all) {
        const peer = peers.get(known.name);
        if (peer !== undefined) {
          hearAgain(peer, known);
          continue;
        }
        if (peers.size >= most) {
          replaceable ??= [...peers.values()].filter(({ warm }) => warm === undefined).sort(byLastHeard);
          const last = replaceable.at(-1);
          if (last === undefined || last.known.lastHeard >= known.lastHeard) continue;
          replaceable.pop();
          forget(last.known.name);
        }
        addPeer(known, warming);
      }
    },
    forget,
    whenWarm: async (name) => {
      const peer = peers.get(name);
      if (peer === undefined) return undefined;
      if (peer.warm === undefined) await peer.attempt;
      return usable(peer);
    },
    counts: () => ({ warm: [...peers.values()].filter(({ warm }) => warm !== undefined).length, known: peers.size }),
    stop: () => {
      stopping.abort(new Problem('stopping', 'the relay stops'));
      for (const { warm } of peers.values()) warm?.connection.close();
      peers.clear();
    },
  };
}

/** What the pool needs to keep peers connected. */
interface Warming extends Pick<PoolOptions, 'dial' | 'log'> {
  readonly peers: Map<string, Peer>;
  readonly limit: Limit;
  readonly stopping: AbortSignal;
}

function addPeer(known: KnownPeer, warming: Warming): void {
  const peer: Peer = { known, warm: undefined, attempt: Promise.resolve(), hurry: new AbortController() };
  warming.peers.set(known.name, peer);
  void keepConnected(peer, warming);
}

function byLastHeard(one: Peer, other: Peer): number {
  return other.known.lastHeard - one.known.lastHeard;
}

/** A peer that was just heard again is worth an immediate attempt. */
function hearAgain(peer: Peer, known: KnownPeer): void {
  const isNews = known.lastHeard > peer.known.lastHeard;
  peer.known = known;
  if (isNews && peer.warm === undefined) peer.hurry.abort();
}

/** One attempt: leaves a connected peer, or logs why not. */
async function warmUp(peer: Peer, { dial, log, stopping }: Warming): Promise<void> {
  const { name, addresses } = peer.known;
  let connection: PeerConnection | undefined;
  try {
    connection = await dial(name, addresses, stopping);
    const key = await connection.key(AbortSignal.any([stopping, AbortSignal.timeout(keyTimeout)]));
    peer.warm = { connection, key: requireUsualSize(key, name) };
  } catch (error) {
    connection?.close();
    log.debug({ peer: name, reason: explain(error) }, 'a peer cannot be reached');
  }
}

/** Connects, waits until the connection is lost, and connects again, as long as the peer is known. */
async function keepConnected(peer: Peer, warming: Warming): Promise<void> {
  const { peers, limit, stopping } = warming;
  const { name } = peer.known;
  let wait = firstWait;
  while (!stopping.aborted && peers.get(name) === peer) {
    peer.attempt = limit(() => warmUp(peer, warming));
    await peer.attempt;
    // Forgotten during the attempt.
    if (peers.get(name) !== peer) break;
    if (peer.warm !== undefined) {
      wait = firstWait;
      const { connection } = peer.warm;
      await connection.whenLost();
      peer.warm = undefined;
      connection.close();
    }
    // Half of it is random: peers that were lost together are not dialled together.
    const pause = wait / 2 + Math.random() * (wait / 2);
    wait = Math.min(longestWait, wait * 2);
    peer.hurry = new AbortController();
    const signal = AbortSignal.any([stopping, peer.hurry.signal]);
    await sleep(pause, undefined, { signal, ref: false }).catch(() => {});
  }
  peer.warm?.connection.close();
}
