import { getResponder, type Responder, type ResponderOptions } from '@homebridge/ciao';
import { explain } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { mentions, parseHeader } from './header.ts';
import { keepInstancesWhole } from './instance-label.ts';
import type { MulticastInterface } from './interfaces.ts';

export interface OpenedResponder {
  readonly responder: Responder;
  /** Settles when its sockets are open: closed before that, they would stay. */
  readonly ready: Promise<void>;
}

/** What of ciao is not public and yet needed. */
interface ResponderInside {
  /** At first: that its sockets are open. */
  readonly promiseChain: Promise<void>;
  /** Called when a packet contradicts what is announced. May reject, unheard, when such packets come in a row. */
  republishService: (...args: unknown[]) => Promise<void>;
  readonly server: { handleMessage: (interfaceName: string, packet: Buffer, ...from: unknown[]) => void };
}

/** In every packet that a node has to answer, or that disputes its name: the service, its host name, or the list of services. */
const ours = ['mco-', '_dns-sd'];

let opened = 0;

/** Opens a multicast DNS responder of its own on these interfaces, one that packets made to be costly don't reach. */
export function openResponder(interfaces: readonly MulticastInterface[], log: Log): OpenedResponder {
  keepInstancesWhole();
  // ciao shares responders of equal options; a number of its own keeps this one apart, so that its end is its own.
  const options: ResponderOptions & { mine: number } = {
    interface: interfaces.map(({ name }) => name),
    mine: opened++,
  };
  const responder = getResponder(options);
  const inside = responder as unknown as ResponderInside;
  const republish = inside.republishService.bind(responder);
  inside.republishService = (...args) =>
    republish(...args).catch((error) => log.warn({ reason: explain(error) }, 'the name could not be probed for again'));
  const handle = inside.server.handleMessage.bind(inside.server);
  inside.server.handleMessage = (name, packet, ...from) => {
    // Left alone, ciao takes up to 40 ms for one packet of pointers to pointers.
    if (parseHeader(packet) !== undefined && mentions(packet, ours)) handle(name, packet, ...from);
  };
  return { responder, ready: inside.promiseChain };
}
