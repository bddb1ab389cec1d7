import type { X509Certificate } from 'node:crypto';
import { contentOf, elements, oids, valueIn } from './extensions.ts';
import { readOnce } from './read-once.ts';

interface Limits {
  readonly pathLength: number | undefined;
  /** Whether a CA issued it to itself: for another key, or as a root. */
  readonly isOwn: boolean;
}

const limitsOf = readOnce(
  (certificate): Limits => ({
    pathLength: readPathLength(certificate),
    isOwn: certificate.subject === certificate.issuer,
  }),
);

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
    if (!limitsOf(issuer).isOwn) below++;
  }
  return undefined;
}

const integerTag = 0x02;

function readPathLength(certificate: X509Certificate): number | undefined {
  const constraints = valueIn(certificate, oids.basicConstraints);
  if (constraints === undefined) return undefined;
  const length = elements(contentOf(constraints)).find(({ tag }) => tag === integerTag);
  return length === undefined ? undefined : Number.parseInt(length.content.toString('hex'), 16);
}
