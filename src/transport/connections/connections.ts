import type { Socket } from 'node:net';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { identityOf, parseCertificate } from '../../core/credentials/certificate.ts';
import type { Trust } from '../../core/credentials/proof.ts';
import { Problem } from '../../core/errors.ts';
import { callerId } from '../../core/identity.ts';
import { proveAny } from '../peer.ts';
import { networkOf } from './network-of.ts';
import { type Owner, peerName, type Slot, type Slots, startSlots } from './slots.ts';

/** The limits of concurrent connections, and the time for one to prove itself. */
export interface ConnectionLimits {
  /** Proven ones, in total. */
  readonly total: number;
  /** Proven ones of one IPv4 address or one IPv6 /64. */
  readonly perAddress: number;
  readonly perCaller: number;
  /** Connections with an unfinished handshake: a separate pool, so that strangers take no place of a proven caller. */
  readonly unproven: number;
  /** The same, of one IPv4 address or one IPv6 /64. */
  readonly unprovenPerAddress: number;
  /** Milliseconds from connecting to the end of the handshake, whatever happens meanwhile. */
  readonly handshake: number;
  /** Milliseconds without a byte from a proven peer after which its connection counts as dead. */
  readonly quiet: number;
}

/** The connections of a listener, counted by their network and their owner. */
export interface Connections {
  /**
   * Counts a connection before it has sent anything. If the pool of the unproven is full, the oldest of them is ended.
   * @param end ends the connection, for the given reason
   */
  readonly admit: (socket: Socket, end: (reason: string) => void) => void;
  /**
   * Assigns it to its owner, once the handshake proved the owner. A revoked owner learns it by a call, and gets no
   * further.
   * @returns why it exceeds a limit, or undefined
   */
  readonly claim: (secure: TLSSocket, trust: Trust, now: number) => string | undefined;
  /** Closes those whose owner's certificate is no longer valid. */
  readonly review: (trust: Trust, now: number) => void;
  /**
   * Closes the one from that address, at once.
   * @param from address and port, as gRPC names a peer
   * @returns its owner, if it existed
   */
  readonly cut: (from: string) => string | undefined;
  /** Ends the regular check for connections whose other end is gone. */
  readonly stop: () => void;
}

/** Milliseconds until the connection of a revoked peer is closed: time for its next call to get the reason. */
const farewell = 3000;
/** Milliseconds between checks for connections whose other end is gone. */
const sweepEvery = 2000;

export function startConnections(limits: ConnectionLimits): Connections {
  const slots = startSlots(limits.quiet);
  const sweep = () => slots.sweep(performance.now());
  const timer = setInterval(sweep, sweepEvery);
  timer.unref();

  /** Connections that have already ended do not count against a limit. */
  function excess(find: () => string | undefined): string | undefined {
    if (find() === undefined) return undefined;
    sweep();
    return find();
  }

  return {
    admit: (socket, end) => {
      makeRoom(networkOf(socket.remoteAddress), slots, limits, sweep);
      slots.take(socket, end, limits.handshake);
    },
    claim: (secure, trust, now) => {
      const slot = slots.find(peerName(secure));
      const owner = ownerOf(secure);
      if (slot === undefined || owner === undefined) return 'the connection was lost';
      const fault = excess(() => tooMany(slot, owner, slots, limits));
      if (fault !== undefined) return fault;
      // The sweep for a place may have freed this very slot: if it were counted, it would be counted forever.
      if (!slots.give(slot, owner)) return 'the connection was lost';
      if (!holds(owner.certificate, trust, now)) dismiss(secure);
      return undefined;
    },
    review: (trust, now) => {
      for (const { owner } of slots.proven()) {
        if (!holds(owner.certificate, trust, now)) dismiss(owner.secure);
      }
    },
    cut: (from) => {
      const owner = slots.find(from)?.owner;
      owner?.secure.destroy();
      return owner?.caller;
    },
    stop: () => clearInterval(timer),
  };
}

/** Ends the oldest unproven connection if there is no place for another one from that network. */
function makeRoom(network: string, slots: Slots, limits: ConnectionLimits, sweep: () => void): void {
  const { unproven, unprovenPerAddress } = limits;
  const crowded = () => slots.ofNetwork(network, false) >= unprovenPerAddress || slots.unproven().length >= unproven;
  if (!crowded()) return;
  sweep();
  if (slots.ofNetwork(network, false) >= unprovenPerAddress) {
    const oldest = slots.unproven().find((slot) => slot.network === network);
    oldest?.end(`more than ${unprovenPerAddress} connections from there have not proven who they are`);
  } else if (slots.unproven().length >= unproven) {
    const [oldest] = slots.unproven();
    oldest?.end(`more than ${unproven} connections have not proven who they are`);
  }
}

/** Why a proven connection exceeds a limit; undefined if it does not. */
function tooMany(
  { network }: Slot,
  { caller }: Owner,
  slots: Slots,
  { total, perAddress, perCaller }: ConnectionLimits,
): string | undefined {
  if (slots.proven().length >= total) return `more than ${total} connections`;
  if (slots.ofNetwork(network, true) >= perAddress) return `more than ${perAddress} connections from there`;
  if (slots.ofCaller(caller) >= perCaller) return `more than ${perCaller} connections of ${caller}`;
  return undefined;
}

function dismiss(secure: TLSSocket): void {
  setTimeout(() => secure.destroy(), farewell).unref();
}

/** Kept from the handshake: a connection that is gone no longer has it. */
function ownerOf(secure: TLSSocket): Owner | undefined {
  const presented = secure.getPeerCertificate();
  const certificate = presented.raw as Buffer | undefined;
  if (certificate === undefined) return undefined;
  // gRPC reads it at every call, and Node parses it each time. It cannot change: TLS 1.3 requests a client's
  // certificate in the handshake, and later only if both sides agreed on it (RFC 8446, 4.6.2).
  secure.getPeerCertificate = () => presented as DetailedPeerCertificate;
  const identity = identityOf(parseCertificate(certificate));
  return { secure, certificate, caller: identity === undefined ? 'nobody' : callerId(identity) };
}

function holds(certificate: Uint8Array, trust: Trust, now: number): boolean {
  try {
    proveAny(certificate, ['operator', 'node'], trust, now);
    return true;
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
}
