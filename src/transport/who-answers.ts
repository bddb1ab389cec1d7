import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { rememberIssuers } from '../core/credentials/issuers.ts';
import { explainErrno, Problem } from '../core/errors.ts';
import type { Address } from '../core/node.ts';
import type { TlsState } from '../core/ports.ts';
import { keyIdOf } from '../core/sealed/box.ts';
import { openKey } from '../core/sealed/encryption-key.ts';
import { orAborted } from '../core/waiting/or-aborted.ts';
import { proveNode } from './prove-node.ts';
import { sealedProtocol } from './relay/frames/protocols.ts';
import { greetNode } from './relay/peers/greet-node.ts';
import { presentedIssuers, secureContext, tlsVersion } from './tls.ts';

/**
 * Makes one handshake to check whether a node answers at an address, without any request.
 * @param timeout milliseconds
 * @returns why it is not that node; undefined when it is
 */
export async function whoAnswers(
  name: string,
  { host, port }: Address,
  state: TlsState,
  timeout: number,
): Promise<Problem | undefined> {
  const socket = knock({ host, port }, state, ['h2']);
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeout) });
    return faultOf(socket, name, state);
  } catch (error) {
    return new Problem('handshake-failed', `it does not speak TLS as a node does (${explainErrno(error)})`);
  } finally {
    socket.destroy();
  }
}

/** Bytes of a key with its signature and certificates, which take some three thousand. */
const largestKey = 64 * 1024;

/** A running daemon. */
export interface AnsweringDaemon {
  /** Of its key, which no other daemon has, even with the same certificate; empty for an older one. */
  readonly id: string;
}

/**
 * The daemon of a node that answers at an address. Any host can pass connections on without a certificate: then two addresses lead
 * to one daemon.
 * @param timeout milliseconds
 * @returns undefined unless it is that node
 */
export async function daemonAt(
  name: string,
  address: Address,
  state: TlsState,
  timeout: number,
): Promise<AnsweringDaemon | undefined> {
  const socket = knock(address, state, [sealedProtocol, 'h2']);
  const signal = AbortSignal.timeout(timeout);
  try {
    await once(socket, 'secureConnect', { signal });
    if (faultOf(socket, name, state) !== undefined) return undefined;
    // Negotiated under the protection of the handshake: a host that passes the connection on cannot choose it.
    if (socket.alpnProtocol !== sealedProtocol) return { id: '' };
    const key = openKey(await orAborted(greetNode(socket, largestKey), signal), name, state.trust, Date.now());
    return { id: keyIdOf(key).toString('hex') };
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** The presented certificate is judged by {@link faultOf}, by name and kind. */
function knock({ host, port }: Address, state: TlsState, protocols: string[]): TLSSocket {
  const options = { host, port, ...secureContext(state), ...tlsVersion, ALPNProtocols: protocols };
  const socket = connect({ ...options, rejectUnauthorized: false });
  // An error only means that the connection is closed.
  socket.on('error', () => {});
  return socket;
}

function faultOf(socket: TLSSocket, name: string, state: TlsState): Problem | undefined {
  const presented = socket.getPeerCertificate(true);
  rememberIssuers(presentedIssuers(presented), state.trust);
  const raw: Buffer | undefined = presented.raw;
  return raw === undefined ? new Problem('foreign-certificate', 'it has no certificate') : proveNode(name, raw, state);
}
