import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, type webcrypto } from 'node:crypto';
import { Problem } from '../../core/errors.ts';

/** The signature algorithm of the CA: ECDSA over P-256 with SHA-256. */
export const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function makeKeyPair(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

/** The pair of a private key that was read from a file. */
export function keyPairOf(privateKey: KeyObject): KeyPair {
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** Keys in the form of the X.509 library. */
export function toCryptoKeys({ privateKey, publicKey }: KeyPair): webcrypto.CryptoKeyPair {
  return {
    privateKey: privateKey.toCryptoKey(signingAlgorithm, true, ['sign']),
    publicKey: toPublicCryptoKey(publicKey),
  };
}

export function toPublicCryptoKey(publicKey: KeyObject): webcrypto.CryptoKey {
  return publicKey.toCryptoKey(signingAlgorithm, true, ['verify']);
}

/**
 * Only P-256 is accepted: every signature of a request and a reply is made with it.
 * @throws Problem `bad-key`
 */
export function requireP256(key: KeyObject, subject: string): void {
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return;
  const found = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? 'of an unknown kind';
  throw new Problem(
    'bad-key',
    `the key of ${subject} is ${found}, not ECDSA over P-256`,
    'create a new key with P-256',
  );
}

/** SHA-1 of the public key's bits in hex: a name for a key, not a protection (RFC 5280, 4.2.1.2). */
export function keyIdOf(publicKey: KeyObject): string {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  return createHash('sha1').update(point).digest('hex');
}
