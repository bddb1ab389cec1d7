import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { rememberIssuers } from '../../core/credentials/issuers.ts';
import { whenUnanswered } from '../../core/waiting/deadline.ts';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { type Address, formatAddress } from '../../core/node.ts';
import type { TlsState } from '../../core/ports.ts';
import { proveNode } from '../prove-node.ts';
import { presentedIssuers, secureContext, tlsVersion } from '../tls.ts';

/**
 * Why a node could not be dialled. grpc-js reports a foreign CA, a wrong kind and a dead host much alike, so one raw
 * handshake that accepts everything is made, and its result is judged: only to explain, never to send anything.
 */
export function diagnose(name: string, address: Address, state: TlsState, timeout: number): Promise<Problem> {
  const at = `${name} (${formatAddress(address)})`;
  return new Promise((resolve) => {
    const tcp = connectTcp({ host: address.host, port: address.port });
    const settle = (problem: Problem) => {
      end();
      tcp.destroy();
      resolve(problem);
    };
    // Not the socket's own timeout: that would never end for a host that accepts a connection and then stays silent.
    const end = whenUnanswered(timeout, () =>
      settle(new Problem('unreachable', `${at} does not answer`, 'check that the host is up')),
    );
    tcp.once('error', (error) => settle(unreachable(at, error)));
    tcp.once('connect', () => {
      const secure = connect({
        socket: tcp,
        ...secureContext(state),
        ...tlsVersion,
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      });
      const onError = (error: Error & { reason?: string }) => settle(rejectedBy(at, error));
      secure.once('error', onError);
      secure.once('secureConnect', () => {
        secure.off('error', onError);
        void judge(secure, name, at, state).then(settle);
      });
    });
  });
}

function unreachable(at: string, error: Error): Problem {
  const hint = errnoOf(error) === 'ECONNREFUSED' ? 'check that the daemon runs' : '';
  return new Problem('unreachable', `${at} cannot be reached: ${explainErrno(error)}`, hint, { cause: error });
}

function rejectedBy(at: string, error: Error & { reason?: string }): Problem {
  const why = (error.reason ?? error.message).replaceAll('_', ' ').slice(0, 200);
  return new Problem('handshake-failed', `the handshake with ${at} failed: ${why}`, '', { cause: error });
}

/**
 * In TLS 1.3 a client's handshake ends before the server has judged the client's certificate (RFC 8446, 2): this waits
 * a moment for the server's reaction.
 */
async function judge(secure: TLSSocket, name: string, at: string, state: TlsState): Promise<Problem> {
  const presented = secure.getPeerCertificate(true);
  if (presented.raw === undefined) return new Problem('foreign-certificate', `${at} presents no certificate`);
  rememberIssuers(presentedIssuers(presented), state.trust);
  const fault = proveNode(name, presented.raw, state);
  if (fault !== undefined) return new Problem(fault.code, `${at}: ${fault.message}`, fault.hint, { cause: fault });
  if (!(await closesSoon(secure))) {
    const what = `${at} completes a TLS handshake, and then does not answer; the cause was not found`;
    return new Problem('unreachable', what, 'run “mco-deploy doctor node” there, and see the log of its daemon');
  }
  const hint = 'check that it is of the same fleet, and neither expired nor revoked';
  return new Problem('refused-certificate', `${at} does not accept the certificate of this caller`, hint);
}

function closesSoon(secure: TLSSocket): Promise<boolean> {
  return new Promise((resolve) => {
    const end = whenUnanswered(500, () => resolve(false));
    const settle = () => {
      end();
      resolve(true);
    };
    secure.once('error', settle);
    secure.once('close', settle);
    secure.resume();
  });
}
