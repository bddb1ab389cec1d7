import type { SecureContextOptions } from 'node:tls';
import type { TlsState } from '../core/ports.ts';

/** TLS 1.3 only (RFC 8446): both sides are ours, so nothing older has to be spoken. */
export const tlsVersion = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

/** What both a listener and a dialler prove themselves with and believe. */
export function secureContext({ credentials, trust }: TlsState): SecureContextOptions {
  return {
    ...tlsVersion,
    key: credentials.key.export({ type: 'pkcs8', format: 'pem' }),
    cert: credentials.certificate.toString(),
    ca: trust.authorities.map((authority) => authority.toString()),
  };
}
