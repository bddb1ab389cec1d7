import type { Responder } from '@homebridge/ciao';
import { explain } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';

/** The private parts of ciao that are needed. */
interface ResponderInside {
  handleQuery: (packet: Packet, from: Endpoint) => void;
  /** By the three parts of an endpoint. */
  readonly truncatedQueries: Readonly<Record<string, TruncatedQuery | undefined>>;
}

interface Packet {
  readonly flags: { truncation?: boolean };
}

interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly interface: string;
}

/** A question that waits for its rest. */
interface TruncatedQuery {
  /** All that came of it. */
  readonly getPacket: () => Packet;
  readonly once: (event: 'timeout', listener: () => void) => void;
}

/** Has a truncated question answered also if its rest does not come (RFC 6762, 7.2): ciao drops it after the wait. */
export function answerWithoutRest(responder: Responder, log: Log): void {
  const inside = responder as unknown as ResponderInside;
  const handle = inside.handleQuery.bind(responder);
  inside.handleQuery = (packet, from) => {
    const id = `${from.address}:${from.port}:${from.interface}`;
    const before = inside.truncatedQueries[id];
    handle(packet, from);
    const waiting = inside.truncatedQueries[id];
    if (waiting === undefined || waiting === before) return;
    waiting.once('timeout', () => {
      const arrived = waiting.getPacket();
      arrived.flags.truncation = false;
      try {
        handle(arrived, from);
      } catch (error) {
        // The interface may be gone by now, and an error in a timer would end the daemon.
        log.debug({ reason: explain(error) }, 'a truncated question is not answered');
      }
    });
  };
}
