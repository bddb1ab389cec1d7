import { createSocket, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { type CiaoService, getResponder, type Responder, type ResponderOptions } from '@homebridge/ciao';
import { explain } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { keepInstancesWhole } from './wire/instance-label.ts';
import type { MulticastInterface } from './interfaces.ts';
import { chooseNeeded } from './needed-packets.ts';
import { watchNetworks } from './networks.ts';
import { answerWithoutRest } from './truncated-questions.ts';

export interface OpenedResponder {
  readonly responder: Responder;
  /** Settles when its sockets are open: if closed before that, they would stay. */
  readonly ready: Promise<void>;
}

/** The private parts of ciao that are needed. */
interface ResponderInside {
  /** At first: that its sockets are open. */
  readonly promiseChain: Promise<void>;
  /** Called when a packet contradicts the announcement. May reject without effect when such packets come in a row. */
  republishService: (...args: unknown[]) => Promise<void>;
  readonly server: ServerInside;
}

interface ServerInside {
  handleMessage: (interfaceName: string, packet: Buffer, from: { address: string }, ...more: unknown[]) => void;
  createDgramSocket: (interfaceName: string, reuseAddr: boolean, type: 'udp4' | 'udp6') => Socket;
  bindSocket: (socket: Socket, one: { readonly name: string }, ...more: unknown[]) => Promise<void>;
}

let opened = 0;

/**
 * Opens a separate multicast DNS responder on these interfaces, which drops costly packets.
 *
 * @param instance the one that it will announce
 */
export function openResponder(interfaces: readonly MulticastInterface[], instance: string, log: Log): OpenedResponder {
  keepInstancesWhole();
  // ciao shares responders with equal options; a unique number keeps this one separate, so that it can be closed alone.
  const options: ResponderOptions & { mine: number } = {
    interface: interfaces.map(({ name }) => name),
    advertiseIpv6: true,
    mine: opened++,
  };
  const responder = getResponder(options);
  const inside = responder as unknown as ResponderInside;
  const republish = inside.republishService.bind(responder);
  inside.republishService = (...args) =>
    republish(...args).catch((error) => log.warn({ reason: explain(error) }, 'the name could not be checked again'));
  answerWithoutRest(responder, log);
  const belongsElsewhere = watchNetworks();
  const needed = chooseNeeded(instance);
  const handle = inside.server.handleMessage.bind(inside.server);
  inside.server.handleMessage = (name, packet, from, ...more) => {
    // A socket in the group on one interface hears the group on all, and would answer with addresses of the wrong one.
    if (belongsElsewhere(from.address, name)) return;
    const kept = needed(packet);
    if (kept !== undefined) handle(name, kept, from, ...more);
  };
  inside.server.createDgramSocket = openSocketsOf(inside.server);
  inside.server.bindSocket = bindOnly(inside.server, interfaces);
  return { responder, ready: inside.promiseChain };
}

/** As ciao would, but with IPv6 separate from IPv4, and in the group on the intended interface: ciao omits its zone. */
function openSocketsOf(server: ServerInside): ServerInside['createDgramSocket'] {
  const open = server.createDgramSocket.bind(server);
  return (name, reuseAddr, type) => {
    if (type === 'udp4') return open(name, reuseAddr, type);
    const socket = createSocket({ type, reuseAddr, ipv6Only: true });
    const { addMembership, dropMembership } = socket;
    socket.addMembership = (group) => addMembership.call(socket, group, `::%${name}`);
    socket.dropMembership = (group) => dropMembership.call(socket, group, `::%${name}`);
    socket.on('message', (packet, from) => server.handleMessage(name, packet, from, 'IPv6'));
    socket.on('error', () => undefined);
    return socket;
  };
}

/** ciao also listens on loopback, where nothing is announced: that socket would hear each packet of the others. */
function bindOnly(server: ServerInside, interfaces: readonly MulticastInterface[]): ServerInside['bindSocket'] {
  const bind = server.bindSocket.bind(server);
  return async (socket, one, ...more) => {
    if (interfaces.some(({ name }) => name === one.name)) return await bind(socket, one, ...more);
    socket.close();
  };
}

/** A probe names addresses in its one packet, only to break ties: of hosts that probe at the same time (RFC 6762, 8.2). */
const mostInProbe = 24;

/** ciao cancels a probe with more addresses than fit into a packet. */
export function keepProbesSmall(service: CiaoService): CiaoService {
  const inside = service as unknown as { allAddressRecords: () => unknown[] };
  const all = inside.allAddressRecords.bind(service);
  inside.allAddressRecords = () => all().slice(0, mostInProbe);
  return service;
}

/**
 * ciao announces the first addresses of each interface. A daemon that listens at another one alone is not found there.
 * @param address one of these interfaces has it
 */
export function advertiseOnly(service: CiaoService, address: string): CiaoService {
  const inside = service as unknown as { networkManager: { getInterfaceMap: () => Map<string, object> } };
  const all = inside.networkManager;
  const only = isIPv4(address) ? { ipv4: address } : { ipv6: address };
  inside.networkManager = {
    getInterfaceMap: () => new Map([...all.getInterfaceMap().keys()].map((name) => [name, { name, ...only }])),
  };
  return service;
}

/** ciao knows an interface's IPv6 socket by the name with “/6”, and a service's interfaces without it. */
export function advertiseByBothFamilies(service: CiaoService): CiaoService {
  const inside = service as unknown as { advertisesOnInterface: (name: string, ...more: unknown[]) => boolean };
  const advertises = inside.advertisesOnInterface.bind(service);
  inside.advertisesOnInterface = (name, ...more) => advertises(name.replace(/\/6$/, ''), ...more);
  return service;
}
