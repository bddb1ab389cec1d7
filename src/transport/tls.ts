import type { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, SecureContextOptions } from 'node:tls';
import { issuersIn } from '../core/credentials/certificate.ts';
import type { TlsState } from '../core/ports.ts';

/** TLS 1.3 only (RFC 8446): both sides are this program, so no older version is needed. */
export const tlsVersion = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

/** The credentials and the trust of a listener and a dialler. */
export function secureContext({ credentials, trust }: TlsState): SecureContextOptions {
  return {
    ...tlsVersion,
    key: credentials.key.export({ type: 'pkcs8', format: 'pem' }),
    cert: presentedPem(credentials),
    ca: trust.authorities.map((authority) => authority.toString()),
  };
}

/** The presented chain: its certificate, then the intermediate CAs that lead to its root (RFC 8446, 4.4.2). */
export function presentedPem({ certificate, issuers = [] }: TlsState['credentials']): string {
  return [certificate, ...issuers].map(String).join('');
}

/** The CA certificates that a peer presented after its own, the nearest first. @param presented detailed, as node:tls links them */
export function presentedIssuers(presented: DetailedPeerCertificate): X509Certificate[] {
  const chain: Buffer[] = [];
  for (let one = presented; one?.raw !== undefined && chain.length < mostPresented; one = one.issuerCertificate) {
    if (chain.some((raw) => raw.equals(one.raw))) break;
    chain.push(one.raw);
  }
  return issuersIn(chain);
}

const mostPresented = 6;
