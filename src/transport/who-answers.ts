import { once } from 'node:events';
import { connect } from 'node:tls';
import { rememberIssuers } from '../core/credentials/issuers.ts';
import { explainErrno, Problem } from '../core/errors.ts';
import type { Address } from '../core/node.ts';
import type { TlsState } from '../core/ports.ts';
import { proveNode } from './prove-node.ts';
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
  const options = { host, port, ...secureContext(state), ...tlsVersion, ALPNProtocols: ['h2'] };
  // The presented certificate is judged below, by name and kind.
  const socket = connect({ ...options, rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeout) });
    const presented = socket.getPeerCertificate(true);
    rememberIssuers(presentedIssuers(presented), state.trust);
    const { raw } = presented;
    return raw === undefined
      ? new Problem('foreign-certificate', 'it has no certificate')
      : proveNode(name, raw, state);
  } catch (error) {
    return new Problem('handshake-failed', `it does not speak TLS as a node does (${explainErrno(error)})`);
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}
