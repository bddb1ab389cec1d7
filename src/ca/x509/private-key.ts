import { createCipheriv, createPrivateKey, type KeyObject, randomBytes, scryptSync } from 'node:crypto';
import { Problem } from '../../core/errors.ts';
import { element, integer, tags } from './der.ts';
import { encodePem } from './pem.ts';

const encryptedLabel = 'ENCRYPTED PRIVATE KEY';
/** scrypt's cost: about a third of a second and 16 MB for each guess, and still within what OpenSSL accepts. */
const cost = { N: 16384, r: 8, p: 5 } as const;
const oids = {
  pbes2: '2a864886f70d01050d',
  scrypt: '2b06010401da47040b',
  aes256cbc: '60864801650304012a',
} as const;

/** PKCS#8 in PEM; encrypted when there is a passphrase (PBES2 of RFC 8018 with scrypt, RFC 7914, and AES-256). */
export function formatPrivateKey(key: KeyObject, passphrase = ''): string {
  if (passphrase === '') return key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', scryptSync(passphrase, salt, 32, cost), iv);
  const plain = key.export({ type: 'pkcs8', format: 'der' });
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  const kdf = sequence(oid(oids.scrypt), sequence(octets(salt), integer(cost.N), integer(cost.r), integer(cost.p)));
  const scheme = sequence(oid(oids.aes256cbc), octets(iv));
  const info = sequence(sequence(oid(oids.pbes2), sequence(kdf, scheme)), octets(encrypted));
  return encodePem(info, encryptedLabel);
}

export function isEncrypted(pem: string): boolean {
  return pem.includes(`BEGIN ${encryptedLabel}`);
}

/**
 * @param file its name in a message
 * @throws Problem `bad-passphrase`, `bad-key`
 */
export function parsePrivateKey(pem: string, passphrase: string, file: string): KeyObject {
  try {
    return createPrivateKey(isEncrypted(pem) ? { key: pem, passphrase } : pem);
  } catch (cause) {
    if (isEncrypted(pem)) throw new Problem('bad-passphrase', `the passphrase does not open ${file}`, '', { cause });
    throw new Problem('bad-key', `${file} is not a private key`, '', { cause });
  }
}

const sequence = (...contents: Uint8Array[]) => element(tags.sequence, ...contents);
const octets = (bytes: Uint8Array) => element(tags.octetString, bytes);
const oid = (hex: string) => element(tags.oid, Buffer.from(hex, 'hex'));
