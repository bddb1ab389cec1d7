/** The limits that the certificates of a path set to each other, as TLS applies them (RFC 5280, 4.2 and 6.1). */
import type { X509Certificate } from 'node:crypto';
import { contentOf, elements, type Extension, extensionsOf, oids } from './extensions.ts';
import type { Identity } from '../identity.ts';

/** What one certificate says, read once. */
interface Said {
  /** A critical extension that nothing here understands. */
  readonly unknown: string | undefined;
  /** Whether its key may sign for a node, and for an operator. */
  readonly signsFor: Readonly<Record<Identity['kind'], boolean>>;
  /** What it, or a certificate below it, may be used for. */
  readonly serves: Readonly<Record<Identity['kind'], boolean>>;
  readonly uris: readonly string[];
  /** The hosts of the names that a CA may sign; undefined without a limit. */
  readonly permitted: readonly string[] | undefined;
  readonly excluded: readonly string[];
  /** Whether a CA issued it to itself. */
  readonly isOwn: boolean;
}

const read = new WeakMap<X509Certificate, Said>();

function saidBy(certificate: X509Certificate): Said {
  const known = read.get(certificate) ?? readSaid(certificate);
  read.set(certificate, known);
  return known;
}

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
  const unknown = chain.find((one) => saidBy(one).unknown !== undefined);
  if (unknown !== undefined) return `${nameOf(unknown)} has a critical extension that is not known here`;
  if (kind !== undefined) {
    const what = kind === 'node' ? 'the certificates of nodes (TLS server)' : 'those of operators (TLS client)';
    if (!saidBy(certificate).signsFor[kind]) return `the key usage of ${nameOf(certificate)} is not for signatures`;
    const other = chain.find((one) => !saidBy(one).serves[kind]);
    if (other !== undefined) return `the extended key usage of ${nameOf(other)} does not include ${what}`;
  }
  for (const [index, issuer] of path.entries()) {
    const refused = chain
      .slice(0, index + 1)
      .find((one, at) => (at === 0 || !saidBy(one).isOwn) && !mayName(issuer, one));
    if (refused !== undefined)
      return `the name constraints of ${nameOf(issuer)} do not allow the names of ${nameOf(refused)}`;
  }
  return undefined;
}

function nameOf(certificate: X509Certificate): string {
  const what = certificate.ca ? 'the CA' : 'the certificate';
  return `${what} “${(certificate.subject || certificate.subjectAltName || '').replaceAll('\n', ', ')}”`;
}

/** Whether the name constraints of a CA allow the URIs of a certificate: no other name counts for an identity. */
function mayName(issuer: X509Certificate, certificate: X509Certificate): boolean {
  const { permitted, excluded } = saidBy(issuer);
  if (permitted === undefined && excluded.length === 0) return true;
  return saidBy(certificate).uris.every((uri) => {
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

/** Those that this side, or TLS on its behalf, applies. */
const understood: ReadonlySet<string> = new Set(Object.values(oids));
const uriTag = 0x86;
const permittedTag = 0xa0;
const excludedTag = 0xa1;
const purposes = { node: '1.3.6.1.5.5.7.3.1', operator: '1.3.6.1.5.5.7.3.2' } as const;
/** Bits of the key usage: digital signature or key agreement, and for a server key encipherment. */
const signingBits = { node: 0xa8, operator: 0x88 } as const;

function readSaid(certificate: X509Certificate): Said {
  const extensions = extensionsOf(certificate);
  const bytesOf = (id: string) => extensions.find((one) => one.id === id)?.value;
  const usage = certificate.keyUsage;
  const bits = bytesOf(oids.keyUsage);
  const both = (may: (kind: Identity['kind']) => boolean) => ({ node: may('node'), operator: may('operator') });
  const [permitted, excluded] = constraintsIn(bytesOf(oids.nameConstraints));
  return {
    unknown: extensions.find(isUnknown)?.id,
    signsFor: both((kind) => bits === undefined || ((contentOf(bits)[1] ?? 0) & signingBits[kind]) !== 0),
    serves: both((kind) => usage === undefined || usage.includes(purposes[kind])),
    uris: urisIn(contentOf(bytesOf(oids.alternativeName))),
    permitted: permitted.length === 0 ? undefined : permitted,
    excluded,
    isOwn: certificate.subject === certificate.issuer,
  };
}

function isUnknown({ id, isCritical }: Extension): boolean {
  return isCritical && !understood.has(id);
}

function urisIn(names: Buffer): string[] {
  return elements(names).flatMap(({ tag, content }) => (tag === uriTag ? [content.toString('latin1')] : []));
}

/** The hosts that a CA may sign, and those that it may not. */
function constraintsIn(value: Buffer | undefined): [permitted: string[], excluded: string[]] {
  const lists = elements(contentOf(value));
  const hosts = (wanted: number) =>
    lists
      .filter(({ tag }) => tag === wanted)
      .flatMap(({ content }) => elements(content))
      .flatMap(({ content }) => urisIn(content))
      .map((host) => host.toLowerCase());
  return [hosts(permittedTag), hosts(excludedTag)];
}
