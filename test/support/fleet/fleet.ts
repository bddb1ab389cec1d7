import type { KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, makeAuthority } from '../../../src/ca/x509/authority.ts';
import { signCertificate } from '../../../src/ca/issue.ts';
import { makeKeyPair } from '../../../src/ca/x509/keys.ts';
import { formatPrivateKey } from '../../../src/ca/x509/private-key.ts';
import { makeRevocationList, type Revocation } from '../../../src/ca/revocation/revocation-list.ts';
import type { Credentials } from '../../../src/core/credentials/signature.ts';
import { identityOf } from '../../../src/core/credentials/certificate.ts';
import type { Trust } from '../../../src/core/credentials/proof.ts';
import { defineIdentity, type Identity } from '../../../src/core/identity.ts';

const hour = 60 * 60 * 1000;

export interface MemberOptions {
  /** Milliseconds since the epoch; an hour ago when left out. */
  readonly notBefore?: number;
  /** Milliseconds since the epoch; in sixty days when left out: far enough not to be warned of. */
  readonly notAfter?: number;
  /** Makes a node's certificate for what is called an operator, and the reverse. */
  readonly kind?: Identity['kind'];
  /** Lets a node relay. */
  readonly relay?: boolean;
  /** Limits an operator to these applications. */
  readonly applications?: readonly string[];
}

/** A node or an operator with all it needs to take part, as values, as PEM and as files. */
export interface Member {
  readonly identity: Identity;
  readonly credentials: Credentials;
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
  /** The same as files: node.crt, node.key, ca.crt (or operator.crt, …) in its own directory. */
  readonly files: {
    readonly directory: string;
    readonly certificate: string;
    readonly key: string;
    readonly ca: string;
  };
}

/** A CA in memory and a temporary directory for what it issues. Another fleet of the same realm is a foreign CA. */
export interface Fleet extends AsyncDisposable {
  readonly realm: string;
  readonly dir: string;
  readonly authority: Authority;
  readonly caPem: string;
  readonly trust: Trust;
  readonly node: (name: string, options?: MemberOptions) => Promise<Member>;
  readonly operator: (name: string, options?: MemberOptions) => Promise<Member>;
  /** Revokes it: `trust.isRevoked` returns true from now on. */
  readonly revoke: (member: Pick<Member, 'certificate'>) => void;
  /** A list of all that was revoked, in PEM; each has a higher number than the one before. Days may be negative. */
  readonly crl: (options?: { readonly now?: number; readonly days?: number }) => Promise<string>;
  /** Removes the directory. */
  readonly remove: () => Promise<void>;
}

export async function makeFleet({ realm = 'devco.net' }: { readonly realm?: string } = {}): Promise<Fleet> {
  // Older than any record or certificate that a test dates back.
  const authority = await makeAuthority(realm, Date.now() - 60 * 24 * hour);
  const dir = await mkdtemp(join(tmpdir(), 'mco-fleet-'));
  const caPem = authority.certificate.toString();
  await writeFile(join(dir, 'ca.crt'), caPem);
  const revoked: Revocation[] = [];
  let crls = 0;
  const trust: Trust = {
    realm,
    authorities: [authority.certificate],
    isRevoked: (serial, issuer) =>
      issuer.publicKey.equals(authority.certificate.publicKey) && revoked.some((one) => one.serial === serial),
  };
  const remove = () => rm(dir, { recursive: true, force: true });
  return {
    realm,
    dir,
    authority,
    caPem,
    trust,
    node: (name, options) => makeMember('node', name, authority, dir, options),
    operator: (name, options) => makeMember('operator', name, authority, dir, options),
    revoke: ({ certificate }) => {
      revoked.push({ serial: certificate.serialNumber, at: Date.now(), reason: 'unspecified' });
    },
    crl: async ({ now = Date.now(), days = 30 } = {}) =>
      makeRevocationList({ revoked, number: ++crls, now, days }, authority),
    remove,
    [Symbol.asyncDispose]: remove,
  };
}

async function makeMember(
  asked: Identity['kind'],
  name: string,
  authority: Authority,
  dir: string,
  options: MemberOptions = {},
): Promise<Member> {
  const kind = options.kind ?? asked;
  const { privateKey: key, publicKey } = makeKeyPair();
  const validity = {
    notBefore: options.notBefore ?? Date.now() - hour,
    notAfter: options.notAfter ?? Date.now() + 60 * 24 * hour,
  };
  const certificate = await signCertificate(
    { kind, name, publicKey, relay: options.relay === true, applications: options.applications ?? [] },
    validity,
    authority,
  );
  const identity = identityOf(certificate) ?? defineIdentity(kind, authority.realm, name);
  const pems = {
    certificatePem: certificate.toString(),
    keyPem: formatPrivateKey(key),
    caPem: authority.certificate.toString(),
  };
  const files = await writeMember(asked, await mkdtemp(join(dir, `${asked}-`)), pems);
  return { identity, credentials: { identity, certificate, key }, certificate, key, ...pems, files };
}

async function writeMember(
  kind: Identity['kind'],
  directory: string,
  pems: Pick<Member, 'certificatePem' | 'keyPem' | 'caPem'>,
): Promise<Member['files']> {
  const files = {
    directory,
    certificate: join(directory, `${kind}.crt`),
    key: join(directory, `${kind}.key`),
    ca: join(directory, 'ca.crt'),
  };
  await mkdir(directory, { recursive: true });
  await writeFile(files.certificate, pems.certificatePem);
  await writeFile(files.key, pems.keyPem, { mode: 0o600 });
  await writeFile(files.ca, pems.caPem);
  return files;
}
