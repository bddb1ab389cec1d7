import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { identityOf, parseCertificate, type Trust } from '../core/credentials/certificate.ts';
import { Problem } from '../core/errors.ts';
import { callerId } from '../core/identity.ts';
import { proveAny } from './peer.ts';

/** How many connections there may be at once, and how long one may take to prove itself. */
export interface ConnectionLimits {
  /** In all. */
  readonly total: number;
  readonly perAddress: number;
  readonly perCaller: number;
  /** Milliseconds from connecting to the end of the handshake, however busy it keeps itself meanwhile. */
  readonly handshake: number;
}

/** The connections of a listener, counted by where they come from and whose they are. */
export interface Connections {
  /**
   * Counts a connection, before it has said anything.
   * @param onLate called when its handshake takes too long
   * @returns why it is one too many, or undefined
   */
  readonly admit: (socket: Socket, onLate: () => void) => string | undefined;
  /**
   * Counts it as its owner's, once the handshake told who that is. One who is revoked is told so by a call, and no more.
   * @returns as above
   */
  readonly claim: (secure: TLSSocket, trust: Trust, now: number) => string | undefined;
  /** Closes those whose owner's certificate does not hold any longer. */
  readonly review: (trust: Trust, now: number) => void;
  /**
   * Closes the one that comes from there, at once.
   * @param from address and port, as gRPC names a peer
   * @returns whose it was, if it was there
   */
  readonly cut: (from: string) => string | undefined;
}

/** Milliseconds until a connection is closed whose owner was revoked: time to be told why, by the call that it makes. */
const farewell = 3000;

export function startConnections(limits: ConnectionLimits): Connections {
  const byAddress = startCount();
  const byCaller = startCount();
  const open = new Map<TLSSocket, Owned>();
  const handshakes = new Map<string, NodeJS.Timeout>();
  let total = 0;
  return {
    admit: (socket, onLate) => {
      const address = socket.remoteAddress ?? 'unknown';
      const name = peerName(socket);
      if (total >= limits.total) return `more than ${limits.total} connections`;
      if (byAddress.of(address) >= limits.perAddress) return `more than ${limits.perAddress} connections from there`;
      total++;
      byAddress.add(address);
      const deadline = setTimeout(onLate, limits.handshake);
      handshakes.set(name, deadline);
      socket.once('close', () => {
        clearTimeout(deadline);
        handshakes.delete(name);
        total--;
        byAddress.remove(address);
      });
      return undefined;
    },
    claim: (secure, trust, now) => {
      const name = peerName(secure);
      clearTimeout(handshakes.get(name));
      const owned = ownedBy(secure, name);
      if (owned === undefined) return 'the connection was lost';
      const { owner } = owned;
      if (byCaller.of(owner) >= limits.perCaller) return `more than ${limits.perCaller} connections of ${owner}`;
      byCaller.add(owner);
      open.set(secure, owned);
      if (!holds(owned.certificate, trust, now)) dismiss(secure);
      secure.once('close', () => {
        byCaller.remove(owner);
        open.delete(secure);
      });
      return undefined;
    },
    review: (trust, now) => {
      for (const [secure, { certificate }] of open) {
        if (!holds(certificate, trust, now)) dismiss(secure);
      }
    },
    cut: (from) => {
      const [secure, owned] = [...open].find(([, { name }]) => name === from) ?? [];
      secure?.destroy();
      return owned?.owner;
    },
  };
}

function dismiss(secure: TLSSocket): void {
  setTimeout(() => secure.destroy(), farewell).unref();
}

function startCount() {
  const numbers = new Map<string, number>();
  const of = (key: string) => numbers.get(key) ?? 0;
  return {
    of,
    add: (key: string) => numbers.set(key, of(key) + 1),
    remove: (key: string) => {
      if (of(key) > 1) numbers.set(key, of(key) - 1);
      else numbers.delete(key);
    },
  };
}

/** A connection whose owner proved itself. */
interface Owned {
  readonly name: string;
  readonly owner: string;
  readonly certificate: Uint8Array;
}

/** Kept from the handshake: a connection that is gone can't tell any more. */
function ownedBy(secure: TLSSocket, name: string): Owned | undefined {
  const certificate = secure.getPeerX509Certificate()?.raw;
  if (certificate === undefined) return undefined;
  const identity = identityOf(parseCertificate(certificate));
  return { name, certificate, owner: identity === undefined ? 'nobody' : callerId(identity) };
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

/** As grpc-js names the other end of a connection, without brackets. */
function peerName({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress}:${remotePort}`;
}
