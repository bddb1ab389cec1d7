import { hasRelayRole, parseCertificate } from '../../../core/credentials/certificate.ts';
import type { Address } from '../../../core/node.ts';
import type { RelayConnection } from '../connection.ts';
import { relayProtocol } from '../frames/protocols.ts';
import { type FramesDial, overProvenSocket } from '../frames/proven-socket.ts';
import { watchSilence } from '../frames/watch-silence.ts';
import { relayOverSocket } from './over-socket.ts';

/** Relayed requests of a large fleet wait in one connection: its other end is asked at intervals whether it is there. */
const patience = { silence: 5000, answer: 5000 };

/**
 * Connects to a relay over frames in TLS.
 * @returns undefined for one that needs gRPC, as an older one does, and for a node that does not relay
 * @throws Problem why it cannot be reached or is not trusted
 */
export function openRelay(
  name: string,
  address: Address,
  dial: FramesDial,
  signal: AbortSignal,
): Promise<RelayConnection | undefined> {
  return overProvenSocket(name, address, relayProtocol, dial, signal, async (proven) => {
    const { socket, certificate, refuse, isOutdated } = proven;
    const hasRole = hasRelayRole(parseCertificate(certificate));
    const end = { name, hasRole, what: `the relay ${name}`, refuse };
    const relay = await relayOverSocket(socket, end, dial.timeout, signal);
    const isOver = () => relay.isIdle() && isOutdated();
    const stopWatching = watchSilence(socket, patience, () => !relay.isIdle(), isOver);
    socket.once('close', stopWatching);
    return relay;
  });
}
