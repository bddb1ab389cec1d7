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
 * @throws Problem `bad-request-file`, `bad-proof`, `bad-key`
 */
export async function keyOfRequest(pem: string): Promise<KeyObject> {
  const request = parseRequest(pem);
  const publicKey = createPublicKeyOf(request);
  requireP256(publicKey, 'the request');
  if (!(await holds(request))) {
    const what = 'the request was not signed with the key that it names';
    throw new Problem('bad-proof', what, 'create it again with “mco-deploy enroll”');
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
export function realmOfRequest(pem: string): string | undefined {
  const found = parseRequest(pem).extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension);
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

function parseRequest(pem: string): x509.Pkcs10CertificateRequest {
  const blocks =
    pem.length > largest
      ? []
      : [...decodePem(pem, 'CERTIFICATE REQUEST'), ...decodePem(pem, 'NEW CERTIFICATE REQUEST')];
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) {
    throw new Problem('bad-request-file', 'there is not exactly one certificate request in the file');
  }
  try {
    return new x509.Pkcs10CertificateRequest(block);
  } catch (cause) {
    throw new Problem('bad-request-file', 'the certificate request is damaged', '', { cause });
  }
}

function createPublicKeyOf(request: x509.Pkcs10CertificateRequest): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(request.publicKey.rawData), type: 'spki', format: 'der' });
  } catch (cause) {
    throw new Problem('bad-key', 'the public key in the request cannot be read', '', { cause });
  }
}

async function holds(request: x509.Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch {
    return false;
  }
}
