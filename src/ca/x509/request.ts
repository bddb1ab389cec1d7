import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { Problem } from '../../core/errors.ts';
import { type KeyPair, requireP256, signingAlgorithm, toCryptoKeys } from './keys.ts';
import { authorityExtensions } from './certificate.ts';
import { decodePem } from './pem.ts';
import { authorityProfile } from './profiles.ts';
import * as x509 from './x509.ts';

const largest = 64 * 1024;

/** Makes a certificate request (RFC 2986). The name in it is only for the reader: the CA uses nothing but the key. */
export async function makeRequest(keys: KeyPair, name: string): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name([{ CN: [{ utf8String: name.slice(0, 64) }] }]),
    keys: toCryptoKeys(keys),
    signingAlgorithm,
  });
  return `${request.toString('pem')}\n`;
}

/**
 * The public key of a certificate request, once the request proves that its maker has the private one. Subject,
 * extensions and attributes are ignored.
 * @param what names it in messages: its file, or whose it is
 * @param by the command that makes such a request
 * @throws Problem `bad-request-file`, `bad-proof`, `bad-key`
 */
export async function keyOfRequest(pem: string, what: string, by = 'mco-deploy enroll'): Promise<KeyObject> {
  const request = parseRequest(pem, what, by);
  const publicKey = createPublicKeyOf(request, what);
  requireP256(publicKey, what);
  if (!(await holds(request))) {
    const message = `${what}: the request was not signed with the key that it names`;
    throw new Problem('bad-proof', message, `create it again with “${by}”`);
  }
  return publicKey;
}

/**
 * Makes the request of a CA to be signed by a root. The extensions are for a root of another kind, which may copy them:
 * `openssl x509 -req -copy_extensions copy`.
 */
export async function makeCaRequest(keys: KeyPair, name: string, realm: string): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name([{ CN: [{ utf8String: name }] }]),
    keys: toCryptoKeys(keys),
    signingAlgorithm,
    extensions: authorityExtensions(authorityProfile, realm),
  });
  return `${request.toString('pem')}\n`;
}

/** The realm that {@link makeCaRequest} put in; undefined if there is none. @throws Problem `bad-request-file` */
export function realmOfRequest(pem: string, what: string, by: string): string | undefined {
  const found = parseRequest(pem, what, by).extensions.find(
    (one) => one instanceof x509.SubjectAlternativeNameExtension,
  );
  const names = found?.names.items ?? [];
  const [realm] = names.flatMap(({ value }) => /^mco:\/\/([^/]+)\/ca$/.exec(value)?.[1] ?? []);
  return realm;
}

/**
 * The fingerprint by which people compare a key: `SHA256:` and the base64 of the digest of its SubjectPublicKeyInfo,
 * without padding.
 */
export function fingerprintOf(publicKey: KeyObject): string {
  const digest = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

function parseRequest(pem: string, what: string, by: string): x509.Pkcs10CertificateRequest {
  const blocks =
    pem.length > largest
      ? []
      : [...decodePem(pem, 'CERTIFICATE REQUEST'), ...decodePem(pem, 'NEW CERTIFICATE REQUEST')];
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) {
    const found = blocks.length === 0 ? 'is not a certificate request' : 'holds more than one certificate request';
    throw new Problem('bad-request-file', `${what} ${found}`, `create one with “${by}”`);
  }
  try {
    return new x509.Pkcs10CertificateRequest(block);
  } catch (cause) {
    throw new Problem(
      'bad-request-file',
      `${what}: the certificate request is damaged`,
      `create it again with “${by}”`,
      { cause },
    );
  }
}

function createPublicKeyOf(request: x509.Pkcs10CertificateRequest, what: string): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(request.publicKey.rawData), type: 'spki', format: 'der' });
  } catch (cause) {
    throw new Problem('bad-key', `${what}: the public key in the request cannot be read`, '', { cause });
  }
}

async function holds(request: x509.Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch {
    return false;
  }
}
