import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { whenUnanswered } from '../../core/waiting/deadline.ts';
import { startCount } from './count.ts';
import { isGone } from './is-gone.ts';
import { networkOf } from './network-of.ts';

/** A connection whose other end is proven. */
export interface Owner {
  readonly secure: TLSSocket;
  readonly caller: string;
  readonly certificate: Uint8Array;
}

/** The place of one connection, from accepting it to its end. */
export interface Slot {
  readonly socket: Socket;
  /** Address and port, as gRPC names a peer. */
  readonly name: string;
  readonly network: string;
  /** Ends the connection, with the reason for the log of strangers. */
  readonly end: (reason: string) => void;
  /** Ends the time for its handshake. */
  readonly settle: () => void;
  owner?: Owner;
}

/** All occupied slots. None outlives its socket. */
export interface Slots {
  readonly take: (socket: Socket, end: (reason: string) => void, timeout: number) => void;
  readonly find: (name: string) => Slot | undefined;
  /** @returns false for a slot that is free again, and so has no owner: its connection is over */
  readonly give: (slot: Slot, owner: Owner) => boolean;
  /** Those without an owner, the oldest first. */
  readonly unproven: () => Slot[];
  readonly proven: () => (Slot & { owner: Owner })[];
  readonly ofNetwork: (network: string, proven: boolean) => number;
  readonly ofCaller: (caller: string) => number;
  /**
   * Frees the slots of connections whose other end is gone, and of those that were silent for too long, and closes
   * them.
   */
  readonly sweep: (now: number) => void;
}

/** @param quiet milliseconds without a byte after which a proven connection is dead: a live one answers keepalive pings */
export function startSlots(quiet: number): Slots {
  const slots = new Map<string, Slot>();
  const strangers = startCount();
  const networks = startCount();
  const callers = startCount();
  const isQuiet = watchSilence(quiet);

  function free(slot: Slot): void {
    if (slots.get(slot.name) !== slot) return;
    slots.delete(slot.name);
    slot.settle();
    (slot.owner === undefined ? strangers : networks).remove(slot.network);
    if (slot.owner !== undefined) callers.remove(slot.owner.caller);
  }

  return {
    take: (socket, end, timeout) => {
      const name = peerName(socket);
      const before = slots.get(name);
      // The kernel reuses a port only when the last connection of it is over.
      if (before !== undefined) free(before);
      const settle = whenUnanswered(timeout, () => end('the handshake took too long'));
      const slot: Slot = { socket, name, network: networkOf(socket.remoteAddress), end, settle };
      slots.set(name, slot);
      strangers.add(slot.network);
      socket.once('close', () => free(slot));
    },
    find: (name) => slots.get(name),
    give: (slot, owner) => {
      if (slots.get(slot.name) !== slot) return false;
      slot.settle();
      slot.owner = owner;
      strangers.remove(slot.network);
      networks.add(slot.network);
      callers.add(owner.caller);
      owner.secure.once('close', () => free(slot));
      return true;
    },
    unproven: () => [...slots.values()].filter(({ owner }) => owner === undefined),
    proven: () => [...slots.values()].filter((slot): slot is Slot & { owner: Owner } => slot.owner !== undefined),
    ofNetwork: (network, proven) => (proven ? networks : strangers).of(network),
    ofCaller: callers.of,
    sweep: (now) => {
      for (const slot of [...slots.values()]) {
        if (!isGone(slot.socket) && !(slot.owner !== undefined && isQuiet(slot, now))) continue;
        free(slot);
        closeSoon(slot);
      }
    },
  };
}

/** @returns whether a slot has received nothing for longer than that, by the calls so far */
function watchSilence(quiet: number): (slot: Slot, now: number) => boolean {
  const heard = new WeakMap<Slot, { readonly bytes: number; readonly at: number }>();
  return (slot, now) => {
    const bytes = slot.socket.bytesRead;
    const before = heard.get(slot);
    if (before !== undefined && before.bytes === bytes) return now - before.at > quiet;
    heard.set(slot, { bytes, at: now });
    return false;
  };
}

/** Not at once: closing the socket under its TLS in the last callback of its handshake crashes Node. */
function closeSoon(slot: Slot): void {
  setImmediate(() => {
    slot.owner?.secure.destroy();
    slot.socket.destroy();
  });
}

/** The name of a connection's other end in grpc-js, without brackets. */
export function peerName({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress}:${remotePort}`;
}
