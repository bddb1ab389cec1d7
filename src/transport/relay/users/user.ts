import { hasRelayRole, parseCertificate } from '../../../core/credentials/certificate.ts';
import type { Trust } from '../../../core/credentials/proof.ts';
import { Problem } from '../../../core/errors.ts';
import type { Identity } from '../../../core/identity.ts';
import { proveAny } from '../../peer.ts';

/**
 * The user of a relay over TLS: an operator, or a node that may relay itself. Checked for every message.
 * @param raw the user's certificate (DER), if the connection carries one
 * @throws Problem `wrong-kind` for another node, or as the proof of a certificate
 */
export function proveUser(raw: Uint8Array | undefined, trust: Trust, now: number): Identity {
  if (raw === undefined) throw new Problem('foreign-certificate', 'the connection carries no certificate');
  const identity = proveAny(raw, ['operator', 'node'], trust, now);
  if (identity.kind === 'node' && !hasRelayRole(parseCertificate(raw))) {
    throw new Problem('wrong-kind', `the certificate of ${identity.name} does not let it relay`);
  }
  return identity;
}
