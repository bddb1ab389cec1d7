/**
 * The rule for every certificate that somebody presents, in a handshake, a request, a reply or a journal:
 * {@link proveCertificate} follows it to a trusted root, and refuses it if it, or a CA on the way, was revoked by its
 * issuer or is out of date.
 *
 * {@link Trust.isRevoked} answers from revocation lists:
 *
 * 1. `credentials.ts` reads the lists' files with the certificate and key, and `live-credentials.ts` reads them again
 *    when they change. Both sides do so: a daemon (`daemon/system/live-keys.ts`) and a client
 *    (`library/fleet/session.ts`).
 * 2. `ca/revocation/revocations.ts` keeps the newest list of each CA: what was revoked stays revoked.
 */
import type { X509Certificate } from 'node:crypto';
import { Problem } from '../errors.ts';
import type { Identity } from '../identity.ts';
import { contentOf } from './certificate.ts';
import { describePathFault, pathsOf } from './issuers.ts';

/** The trust of this side: the fleet's CA certificates (two while one replaces the other) and the revocations. */
export interface Trust {
  readonly realm: string;
  readonly authorities: readonly X509Certificate[];
  /**
   * True for the serial (upper-case hex, as X509Certificate.serialNumber) of a certificate that this CA revoked, with
   * any of the certificates that its key has.
   */
  readonly isRevoked: (serial: string, issuer: X509Certificate) => boolean;
}

/** A certificate whose issuer, dates, kind and realm were checked. */
export interface ProvenCertificate {
  readonly identity: Identity;
  readonly certificate: X509Certificate;
}

/**
 * Checks a certificate as it was presented: its whole chain to a trusted root with the dates and revocations of every
 * certificate in it, its realm and its kind.
 * @param kind the kind that the holder needs
 * @param now milliseconds since the epoch
 * @throws Problem `foreign-certificate`, `expired-certificate`, `early-certificate`, `revoked-certificate`,
 * `wrong-kind`
 */
export function proveCertificate(
  certificate: X509Certificate,
  kind: Identity['kind'],
  trust: Trust,
  now: number,
): ProvenCertificate {
  const paths = pathsOf(certificate, trust);
  const { identity, notBefore, notAfter } = contentOf(certificate);
  if (paths.length === 0 || identity === undefined || certificate.ca) {
    const fault = describePathFault(certificate, trust);
    if (fault !== undefined) throw new Problem('foreign-certificate', fault, 'issue it with a CA that may sign it');
    const from = certificate.issuer.replaceAll('\n', ', ');
    throw new Problem('foreign-certificate', `the certificate was not issued by this fleet's CA (its issuer: ${from})`);
  }
  if (identity.realm !== trust.realm) {
    throw new Problem('foreign-certificate', `the certificate is of realm ${identity.realm}, not of ${trust.realm}`);
  }
  const who = `the certificate of ${identity.kind} ${identity.name}`;
  if (now > notAfter) {
    const hint = `renew it where the CA is: mco-deploy ca renew ${identity.name}`;
    throw new Problem('expired-certificate', `${who} expired on ${isoDate(certificate.validTo)}`, hint);
  }
  if (now < notBefore) {
    const from = isoDate(certificate.validFrom);
    throw new Problem('early-certificate', `${who} is not valid before ${from}`, 'check the clocks');
  }
  const faults = paths.map((path) => faultOf(certificate, path, who, trust, now));
  if (!faults.includes(undefined)) throw faults[0];
  if (identity.kind !== kind) {
    const [is, needed] = [identity.kind, kind].map((one) => (one === 'node' ? 'a node' : 'an operator'));
    throw new Problem('wrong-kind', `${identity.name} is ${is}, and only ${needed} may do this`);
  }
  return { identity, certificate };
}

/** Why one path to a root is invalid: a certificate in it was revoked by its issuer, or a CA is not valid now. */
function faultOf(
  certificate: X509Certificate,
  path: readonly X509Certificate[],
  who: string,
  trust: Trust,
  now: number,
): Problem | undefined {
  for (const [index, issuer] of path.entries()) {
    const below = index === 0 ? certificate : path[index - 1];
    if (below !== undefined && trust.isRevoked(contentOf(below).serial, issuer)) {
      const what = index === 0 ? who : `the CA “${below.subject.replaceAll('\n', ', ')}” that issued ${who}`;
      return new Problem('revoked-certificate', `${what} was revoked`);
    }
    const { notBefore, notAfter } = contentOf(issuer);
    if (now > notAfter || now < notBefore) {
      const dates = `${isoDate(issuer.validFrom)} to ${isoDate(issuer.validTo)}`;
      const message = `the CA “${issuer.subject.replaceAll('\n', ', ')}” that issued ${who} is valid from ${dates} only`;
      return new Problem('expired-certificate', message, 'renew the CA, or check the clocks');
    }
  }
  return undefined;
}

function isoDate(date: string): string {
  return new Date(date).toISOString();
}
