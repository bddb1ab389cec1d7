import type { X509Certificate } from 'node:crypto';
import { contentOf, fingerprintOf } from './certificate.ts';
import { misuseOf } from './misuse.ts';
import { limitOf, pathLengthOf } from './path-length.ts';

/** The CA certificates that a side trusts. */
export interface Roots {
  readonly authorities: readonly X509Certificate[];
}

/** A result never changes, because neither certificate can become another. */
const issued = new WeakMap<X509Certificate, WeakMap<X509Certificate, boolean>>();

/** Whether a certificate was signed by that CA certificate. */
export function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  const found = issued.get(certificate) ?? new WeakMap<X509Certificate, boolean>();
  issued.set(certificate, found);
  const known = found.get(authority);
  if (known !== undefined) return known;
  const is = authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  found.set(authority, is);
  return is;
}

/** The CA certificates whose signature on a certificate leads to a trusted root. */
export function issuersOf(certificate: X509Certificate, trust: Roots): X509Certificate[] {
  return [...new Set(pathsOf(certificate, trust).flatMap(([issuer]) => issuer ?? []))];
}

/**
 * Takes it as checked that CAs signed a certificate, because an earlier command checked it: the same bytes have the
 * same signature. Everything else about the certificate and these CAs is still checked.
 * @param fingerprints SHA-256, as X509Certificate.fingerprint256
 */
export function recallIssuers(certificate: X509Certificate, fingerprints: readonly string[], trust: Roots): void {
  const found = issued.get(certificate) ?? new WeakMap<X509Certificate, boolean>();
  issued.set(certificate, found);
  for (const authority of knownTo(trust)) {
    if (!fingerprints.includes(fingerprintOf(authority))) continue;
    if (authority.ca && certificate.checkIssued(authority)) found.set(authority, true);
  }
  ways.delete(certificate);
}

/** A CA certificate that only itself has signed. */
export function isRoot(certificate: X509Certificate): boolean {
  return isIssuedBy(certificate, certificate);
}

/** The intermediate CAs that came with certificates, by fingerprint: only those that led to a trusted root then. */
const intermediates = new Map<string, X509Certificate>();
const mostIntermediates = 64;
/** The maximum number of CAs between a certificate and its root. */
const deepest = 4;
const mostPaths = 8;

/** Counts the changes of the intermediate CAs. */
let changes = 0;
const known = new WeakMap<Roots['authorities'], { readonly at: number; readonly cas: readonly X509Certificate[] }>();

/** The CAs that a side knows, each once, those that it trusts first. It is another list when one of them has changed. */
function knownTo({ authorities }: Roots): readonly X509Certificate[] {
  const before = known.get(authorities);
  if (before?.at === changes) return before.cas;
  const all = [...authorities, ...intermediates.values()];
  const cas = all.filter((one, index) => all.findIndex(({ raw }) => raw.equals(one.raw)) === index);
  known.set(authorities, { at: changes, cas });
  return cas;
}

/**
 * Remembers the intermediate CAs that came with a certificate, in a handshake, a request or a reply: later certificates
 * that they signed may come alone. Memory alone proves nothing: every check leads to a trusted root again.
 */
export function rememberIssuers(chain: readonly X509Certificate[], trust: Roots): void {
  // The last is nearest to the root.
  for (const certificate of chain.slice(0, deepest + 1).toReversed()) {
    if (!certificate.ca || isRoot(certificate) || intermediates.has(fingerprintOf(certificate))) continue;
    if (pathsOf(certificate, trust).length === 0) continue;
    intermediates.set(fingerprintOf(certificate), certificate);
    changes++;
    for (const oldest of intermediates.keys()) {
      if (intermediates.size <= mostIntermediates) break;
      intermediates.delete(oldest);
    }
  }
}

/** The paths of a certificate for the CAs that were known: each request and reply of a node comes with its certificate. */
const ways = new WeakMap<X509Certificate, Ways>();

type Paths = readonly (readonly X509Certificate[])[];

interface Ways {
  readonly cas: readonly X509Certificate[];
  readonly paths: Paths;
  /**
   * The last paths that there were: a connection or a call that waits stays valid when other intermediate CAs displace
   * theirs in the memory.
   */
  readonly last: Paths;
}

/**
 * The paths from a certificate to a trusted root, through CAs that may sign it: its issuer first, the root last. There
 * may be more than one while one CA replaces another.
 */
export function pathsOf(certificate: X509Certificate, trust: Roots): Paths {
  const cas = knownTo(trust);
  const before = ways.get(certificate);
  if (before?.cas === cas) return before.paths;
  const paths = allPaths(certificate, trust).filter((path) => faultIn(certificate, path) === undefined);
  ways.set(certificate, { cas, paths, last: paths.length > 0 ? paths : (before?.last ?? []) });
  return paths;
}

function allPaths(certificate: X509Certificate, trust: Roots): X509Certificate[][] {
  const cas = new Set([...knownTo(trust), ...(ways.get(certificate)?.last.flat() ?? [])]);
  return issuerPaths(certificate, [...cas], trust);
}

/** Names the limit that each path of a certificate breaks; undefined when one breaks none, or there is no path at all. */
export function describePathFault(certificate: X509Certificate, trust: Roots): string | undefined {
  const faults = allPaths(certificate, trust).map((path) => faultIn(certificate, path));
  const [first] = faults;
  return faults.includes(undefined) ? undefined : first;
}

function faultIn(certificate: X509Certificate, path: readonly X509Certificate[]): string | undefined {
  const limit = limitOf(path);
  if (limit !== undefined) return describeLimit(limit);
  return misuseOf(certificate, path, certificate.ca ? undefined : contentOf(certificate).identity?.kind);
}

function describeLimit(limit: X509Certificate): string {
  const name = nameOf(limit.subject);
  return `the CA “${name}” may have no more than ${pathLengthOf(limit)} CAs below it, and more stand between it and this certificate`;
}

function issuerPaths(
  certificate: X509Certificate,
  cas: readonly X509Certificate[],
  trust: Roots,
  depth = 0,
): X509Certificate[][] {
  if (depth > deepest) return [];
  const issuers = cas.filter((one) => isIssuedBy(certificate, one));
  const paths = issuers.flatMap((issuer) => {
    if (isRoot(issuer)) return trust.authorities.includes(issuer) ? [[issuer]] : [];
    return issuerPaths(issuer, cas, trust, depth + 1).map((path) => [issuer, ...path]);
  });
  return paths.slice(0, mostPaths);
}

/**
 * Names what is missing between a certificate and a trusted root; undefined when nothing is.
 * @param chain the intermediate CAs in the certificate's own file
 */
export function missingLink(
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  files: { readonly certificate: string; readonly ca: string },
): string | undefined {
  const known = [...authorities, ...chain];
  const path: X509Certificate[] = [];
  let last = certificate;
  for (let depth = 0; depth <= deepest; depth++) {
    const issuer = known.find((one) => isIssuedBy(last, one));
    if (issuer === undefined) break;
    path.push(issuer);
    if (isRoot(issuer)) {
      const limit = limitOf(path);
      if (limit !== undefined) return describeLimit(limit);
      if (authorities.includes(issuer)) return undefined;
      return `${files.ca} does not contain the root “${nameOf(issuer.subject)}”: add it there`;
    }
    last = issuer;
  }
  const issuer = nameOf(last.issuer);
  if (last === certificate) {
    return `the CA “${issuer}” that issued it is in neither file: is it a certificate of this fleet? If so, add the root to ${files.ca}, and an intermediate CA to ${files.certificate} after the certificate`;
  }
  if (authorities.includes(last)) {
    return `${files.ca} trusts an intermediate alone, “${nameOf(last.subject)}”: add the root “${issuer}” that issued it`;
  }
  return `the CA “${issuer}” that issued the intermediate “${nameOf(last.subject)}” is in neither file: is it a CA of this fleet? If so, add it to ${files.ca}`;
}

function nameOf(subject: string): string {
  return subject.replaceAll('\n', ', ');
}
