import type { TLSSocket } from 'node:tls';
import { identityOf, parseCertificate } from '../../../core/credentials/certificate.ts';
import { callerId } from '../../../core/identity.ts';
import type { Log, RelayService, TlsState } from '../../../core/ports.ts';
import { peerName } from '../../connections/slots.ts';
import type { ListenLimits } from '../../server/options.ts';
import { mostUnread, startCrowd } from '../service/unread.ts';
import { mostBytes, mostDiscoveries, serveUser, type UserLimits } from './serve.ts';
import { proveUser } from './user.ts';

/**
 * Milliseconds of silence after which the kernel asks whether the other host is there (tcp(7)): requests of a client that
 * has vanished would run on.
 */
const keepalive = 30_000;

/** The limits of each user's connection to one relay. @param stall, idle milliseconds */
export function userLimits({ stall, idle }: Pick<ListenLimits, 'stall' | 'idle'>): UserLimits {
  const quiet = Math.ceil(idle / stall);
  const [unread, crowd] = [mostUnread, startCrowd()];
  return { message: mostBytes, unread, crowd, discoveries: mostDiscoveries, stall, quiet };
}

/** The connections of users to a relay, over TLS. */
export interface UserServer {
  readonly serve: (connection: TLSSocket) => void;
  /** Ends all of them; does not wait for that. */
  readonly close: () => void;
}

export interface UserServerParts {
  readonly relay: RelayService;
  readonly tls: () => TlsState;
  readonly log: Log;
}

export function startUserServer({ relay, tls, log }: UserServerParts, limits: UserLimits): UserServer {
  const open = new Set<TLSSocket>();
  return {
    serve: (connection) => {
      open.add(connection);
      connection.once('close', () => open.delete(connection));
      const { raw } = connection.getPeerCertificate();
      const user = () => proveUser(raw, tls().trust, Date.now());
      connection.setKeepAlive(true, keepalive);
      serveUser(connection, { relay, user, log }, limits, (doing) => {
        const identity = identityOf(parseCertificate(raw));
        const caller = identity === undefined ? 'nobody' : callerId(identity);
        log.warn({ caller, peer: peerName(connection) }, `a client ${doing}: connection closed`);
      });
    },
    close: () => {
      for (const connection of open) connection.end();
    },
  };
}
