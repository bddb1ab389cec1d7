import { hasRelayRole, parseCertificate } from '../../core/credentials/certificate.ts';
import type { Trust } from '../../core/credentials/proof.ts';
import { Problem } from '../../core/errors.ts';
import type { Identity } from '../../core/identity.ts';
import { type AnyCall, provePeer } from '../peer.ts';

/**
 * The user of a relay over TLS: an operator, or a node that may relay itself. Checked for every message.
 * @throws Problem `wrong-kind` for another node, or as the proof of a certificate
 */
export function proveUser(call: AnyCall, trust: Trust, now: number): Identity {
  const identity = provePeer(call, ['operator', 'node'], trust, now);
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  if (identity.kind === 'node' && !(raw !== undefined && hasRelayRole(parseCertificate(raw)))) {
    throw new Problem('wrong-kind', `the certificate of ${identity.name} does not let it relay`);
  }
  return identity;
}
