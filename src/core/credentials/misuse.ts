/** The limits that the certificates of a path set to each other, as TLS applies them (RFC 5280, 4.2 and 6.1). */
import type { X509Certificate } from 'node:crypto';
import { contentAt, derContent, elements, extensionsOf, oids, valueIn } from './extensions.ts';
import type { Identity } from '../identity.ts';
import { isSelfIssued } from './path-length.ts';
import { readOnce } from './read-once.ts';

/**
 * Why a certificate does not count for its kind below these CAs, in words; undefined if it does.
 * @param path its issuers, its own first
 * @param kind of its identity; undefined for a CA
 */
export function misuseOf(
  certificate: X509Certificate,
  path: readonly X509Certificate[],
  kind: Identity['kind'] | undefined,
): string | undefined {
  const chain = [certificate, ...path];
  const unknown = chain.find((one) => usesOf(one).hasUnknown);
  if (unknown !== undefined) return `${nameOf(unknown)} has a critical extension that is not known here`;
  if (kind !== undefined) {
    if (!usesOf(certificate).signsFor[kind]) return `the key usage of ${nameOf(certificate)} is not for signatures`;
    const other = chain.find((one) => !usesOf(one).serves[kind]);
    const what = kind === 'node' ? 'the certificates of nodes (TLS server)' : 'those of operators (TLS client)';
    if (other !== undefined) return `the extended key usage of ${nameOf(other)} does not include ${what}`;
  }
  for (const [index, issuer] of path.entries()) {
    const refused = namesRefused(issuer, chain.slice(0, index + 1));
    if (refused !== undefined)
      return `the name constraints of ${nameOf(issuer)} do not allow the names of ${nameOf(refused)}`;
  }
  return undefined;
}

function nameOf(certificate: X509Certificate): string {
  const what = certificate.ca ? 'the CA' : 'the certificate';
  return `${what} “${(certificate.subject || certificate.subjectAltName || '').replaceAll('\n', ', ')}”`;
}

/** Those that this side, or TLS on its behalf, applies. */
const understood: ReadonlySet<number | undefined> = new Set(Object.values(oids));
const purposes = { node: '1.3.6.1.5.5.7.3.1', operator: '1.3.6.1.5.5.7.3.2' } as const;
/** Bits of the key usage: digital signature or key agreement, and for a server key encipherment. */
const signingBits = { node: 0xa8, operator: 0x88 } as const;

type ForEachKind = Readonly<Record<Identity['kind'], boolean>>;

/** What a certificate may be used for. */
interface Uses {
  /** Whether it has a critical extension that nothing here understands. */
  readonly hasUnknown: boolean;
  /** Whether its key may sign for a node, and for an operator. */
  readonly signsFor: ForEachKind;
  /** What it, or a certificate below it, may be used for. */
  readonly serves: ForEachKind;
}

const usesOf = readOnce((certificate): Uses => {
  const extensions = extensionsOf(certificate);
  const { keyUsage: usage, raw } = certificate;
  const bits = extensions.find(({ id }) => id === oids.keyUsage);
  // A bit string: how many bits of its last byte are unused, then the bits (X.690, 8.6).
  const signing = bits === undefined ? 0xff : (raw[contentAt(raw, bits.from) + 1] ?? 0);
  return {
    hasUnknown: extensions.some(({ id, isCritical }) => isCritical && !understood.has(id)),
    signsFor: { node: (signing & signingBits.node) !== 0, operator: (signing & signingBits.operator) !== 0 },
    serves: {
      node: usage === undefined || usage.includes(purposes.node),
      operator: usage === undefined || usage.includes(purposes.operator),
    },
  };
});

/** The hosts of the names that a CA may sign, undefined without a limit, and those that it may not. */
interface Constraints {
  readonly permitted: readonly string[] | undefined;
  readonly excluded: readonly string[];
}

const uriTag = 0x86;
const permittedTag = 0xa0;
const excludedTag = 0xa1;

const constraintsOf = readOnce((certificate): Constraints => {
  const value = valueIn(certificate, oids.nameConstraints);
  const lists = value === undefined ? [] : elements(derContent(value));
  const hosts = (wanted: number) =>
    lists
      .filter(({ tag }) => tag === wanted)
      .flatMap(({ content }) => elements(content))
      .flatMap(({ content }) => urisIn(content))
      .map((host) => host.toLowerCase());
  const permitted = hosts(permittedTag);
  return { permitted: permitted.length === 0 ? undefined : permitted, excluded: hosts(excludedTag) };
});

function urisIn(names: Buffer): string[] {
  return elements(names).flatMap(({ tag, content }) => (tag === uriTag ? [content.toString('latin1')] : []));
}

/**
 * The first certificate below a CA whose names it may not sign. A CA that issued itself, for another key, may have any.
 * @param below the first is the one that the path is for
 */
function namesRefused(issuer: X509Certificate, below: readonly X509Certificate[]): X509Certificate | undefined {
  const constraints = constraintsOf(issuer);
  if (constraints.permitted === undefined && constraints.excluded.length === 0) return undefined;
  return below.find((one, index) => (index === 0 || !isSelfIssued(one)) && !mayName(constraints, one));
}

/** Whether constraints allow the URIs of a certificate: no other name counts for an identity. */
function mayName({ permitted, excluded }: Constraints, certificate: X509Certificate): boolean {
  const names = valueIn(certificate, oids.alternativeName);
  const uris = names === undefined ? [] : urisIn(derContent(names));
  return uris.every((uri) => {
    const [, host] = /^[^:]+:\/\/([^:/]+)/.exec(uri.toLowerCase()) ?? [];
    if (host === undefined) return false;
    return !excluded.some((one) => includes(one, host)) && permitted?.some((one) => includes(one, host)) !== false;
  });
}

/** RFC 5280, 4.2.1.10: a domain with a leading dot means the hosts in it. */
function includes(constraint: string, host: string): boolean {
  return constraint.startsWith('.')
    ? host.endsWith(constraint) && host.length > constraint.length
    : host === constraint;
}
