import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { rememberIssuers } from '../../core/credentials/issuers.ts';
import { errnoOf } from '../../core/errors.ts';
import type { Connections } from '../connections/connections.ts';
import { relayProtocol, sealedProtocol } from '../relay/frames/protocols.ts';
import { presentedIssuers, secureContext, tlsVersion } from '../tls.ts';
import type { ListenOptions } from './options.ts';

/** The TLS side of a listener: a connection that passes is a proven peer within its limits. */
export interface Handshakes {
  readonly begin: (socket: Socket) => void;
  /** Uses the current certificate and authorities for the next handshakes. */
  readonly reload: () => void;
}

/** @param onProven receives every connection that may carry calls */
export function startHandshakes(
  { tls, log, onStranger, relay }: ListenOptions,
  connections: Connections,
  onProven: (connection: TLSSocket) => void,
): Handshakes {
  const turnAway = (socket: Socket, reason: string) => {
    onStranger(socket.remoteAddress ?? 'unknown', reason);
    socket.destroy();
  };
  const server = createServer(
    {
      ...secureContext(tls()),
      ...tlsVersion,
      ALPNProtocols: [sealedProtocol, ...(relay === undefined ? [] : [relayProtocol]), 'h2'],
      requestCert: true,
      // Node would drop an unauthorized peer silently: it is done below instead.
      rejectUnauthorized: false,
    },
    (socket: TLSSocket) => {
      socket.on('error', (error) => log.debug({ reason: error.message }, 'connection lost'));
      rememberIssuers(presentedIssuers(socket.getPeerCertificate(true)), tls().trust);
      const fault = socket.authorized
        ? connections.claim(socket, tls().trust, Date.now())
        : reasonOf(socket.authorizationError);
      if (fault === undefined) onProven(socket);
      else turnAway(socket, fault);
    },
  );
  let ended = 0;
  server.on('tlsClientError', (error, socket) => {
    // Ended below, and logged there.
    if (ended > 0 && errnoOf(error) === 'ECONNRESET') ended--;
    else turnAway(socket, reasonOf(error));
  });
  return {
    begin: (socket) => {
      connections.admit(socket, (reason) => {
        ended++;
        turnAway(socket, reason);
      });
      server.emit('connection', socket);
    },
    reload: () => server.setSecureContext(secureContext(tls())),
  };
}

function reasonOf(error: (Error & { code?: string; reason?: string }) | string): string {
  // Node's types call it an Error; it is a code such as UNABLE_TO_VERIFY_LEAF_SIGNATURE.
  const reason = typeof error === 'string' ? error : (error.reason ?? error.code ?? error.message);
  return reason.slice(0, 200);
}
