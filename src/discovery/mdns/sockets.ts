import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { MulticastInterface } from './interfaces.ts';
import { mdnsGroup, mdnsPort } from './service.ts';

export type AddressFamily = 'ipv4' | 'ipv6';

/** The default buffer holds 166 answers, and later ones are lost. */
export const receiveBuffer = 4 << 20;

/** The families of an interface. */
export function familiesOf({ ipv4, ipv6 }: MulticastInterface): AddressFamily[] {
  return [...(ipv4 === undefined ? [] : (['ipv4'] as const)), ...(ipv6 === undefined ? [] : (['ipv6'] as const))];
}

/** The address of the group on an interface: IPv6's is the same on all, and the zone distinguishes them (RFC 4007). */
export function groupOn(family: AddressFamily, { name }: MulticastInterface): string {
  return family === 'ipv4' ? mdnsGroup.ipv4 : `${mdnsGroup.ipv6}%${name}`;
}

/** A socket on a free port that asks on one interface. @throws Error of node:dgram, the socket closed */
export function openQuerySocket(
  family: AddressFamily,
  one: MulticastInterface,
  buffer = receiveBuffer,
): Promise<Socket> {
  return open(family, { port: 0, shared: false }, (socket) => {
    socket.setMulticastInterface(outgoing(family, one));
    socket.setMulticastTTL(255);
    socket.setRecvBufferSize(buffer);
  });
}

/** A socket on the port of multicast DNS, shared with other programs; it is in no group yet. */
export function openListeningSocket(family: AddressFamily): Promise<Socket> {
  return open(family, { port: mdnsPort, shared: true }, (socket) => socket.setRecvBufferSize(receiveBuffer));
}

/** Memberships in multicast groups, on any number of interfaces. */
export interface Memberships {
  /** @throws Error of node:dgram when the interface does not support it, or is gone */
  readonly join: (family: AddressFamily, one: MulticastInterface) => Promise<void>;
  readonly close: () => void;
}

/** The kernel allows a socket 20 memberships by default (igmp_max_memberships, ip(7)). */
const mostPerSocket = 16;

/**
 * Joins the group of multicast DNS with sockets that receive nothing themselves: every socket on the port of multicast
 * DNS hears what one socket of the host has joined (IP_MULTICAST_ALL, ip(7)).
 */
export function startMemberships(): Memberships {
  const sockets: Socket[] = [];
  const holders = new Map<AddressFamily, { readonly socket: Socket; joined: number }>();
  async function holderOf(family: AddressFamily) {
    const last = holders.get(family);
    if (last !== undefined && last.joined < mostPerSocket) return last;
    const socket = await open(family, { port: 0, shared: false }, () => {});
    socket.on('error', () => {});
    sockets.push(socket);
    const holder = { socket, joined: 0 };
    holders.set(family, holder);
    return holder;
  }
  return {
    async join(family, one) {
      const holder = await holderOf(family);
      holder.socket.addMembership(mdnsGroup[family], outgoing(family, one));
      holder.joined++;
    },
    close: () => {
      for (const socket of sockets) socket.close();
    },
  };
}

async function open(
  family: AddressFamily,
  { port, shared }: { readonly port: number; readonly shared: boolean },
  prepare: (socket: Socket) => void,
): Promise<Socket> {
  const socket =
    family === 'ipv4'
      ? createSocket({ type: 'udp4', reuseAddr: shared })
      : createSocket({ type: 'udp6', reuseAddr: shared, ipv6Only: true });
  try {
    socket.bind(port);
    await once(socket, 'listening');
    prepare(socket);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** The name of an interface for node:dgram: its address, or a zone. */
function outgoing(family: AddressFamily, { name, ipv4 = '' }: MulticastInterface): string {
  return family === 'ipv4' ? ipv4 : `::%${name}`;
}
