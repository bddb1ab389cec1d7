import type { X509Certificate } from 'node:crypto';
import { derContent, elements, oids, valueIn } from './extensions.ts';
import { readOnce } from './read-once.ts';

interface Limits {
  readonly pathLength: number | undefined;
  readonly isSelfIssued: boolean;
}

const limitsOf = readOnce(
  (certificate): Limits => ({
    pathLength: readPathLength(certificate),
    isSelfIssued: certificate.subject === certificate.issuer,
  }),
);

/** Whether a CA issued a certificate to itself: for another key, or as a root (RFC 5280, 6.1: “self-issued”). */
export function isSelfIssued(certificate: X509Certificate): boolean {
  return limitsOf(certificate).isSelfIssued;
}

/** How many CAs a CA may have below it; undefined where its certificate sets no limit (RFC 5280, 4.2.1.9). */
export function pathLengthOf(certificate: X509Certificate): number | undefined {
  return limitsOf(certificate).pathLength;
}

/** The first CA of a path that may not have so many CAs below it. @param path issuers, the one of the certificate first */
export function limitOf(path: readonly X509Certificate[]): X509Certificate | undefined {
  let below = 0;
  for (const issuer of path) {
    if (below > (pathLengthOf(issuer) ?? Number.POSITIVE_INFINITY)) return issuer;
    // A certificate that a CA issued to itself, for another key, does not count.
    if (!isSelfIssued(issuer)) below++;
  }
  return undefined;
}

const integerTag = 0x02;

function readPathLength(certificate: X509Certificate): number | undefined {
  const constraints = valueIn(certificate, oids.basicConstraints);
  if (constraints === undefined) return undefined;
  const length = elements(derContent(constraints)).find(({ tag }) => tag === integerTag);
  return length === undefined ? undefined : Number.parseInt(length.content.toString('hex'), 16);
}
