import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { Problem } from '../errors.ts';

/** Bytes of AES-256-GCM's tag (NIST SP 800-38D, 5.2.1.2). */
const tagLength = 16;
const saltLength = 32;

export type Direction = 'request' | 'reply';

/**
 * A key for one direction of one exchange: HKDF with SHA-256 (RFC 5869) over the ECDH secret.
 * @param salts of the caller, and in a reply of the node too: so no key ever encrypts two things
 * @param parties the public keys of both, the caller's first
 */
export function deriveKey(
  secret: KeyObject,
  direction: Direction,
  salts: readonly Uint8Array[],
  parties: readonly Uint8Array[],
): KeyObject {
  const info = Buffer.concat([Buffer.from(`mco-deploy/1/sealed-${direction}\0`), ...parties]);
  // Node needs six times as long to begin a cipher with a key that is not an object.
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, Buffer.concat(salts), info, 32)));
}

export function makeSalt(): Buffer {
  return randomBytes(saltLength);
}

export function isSalt(bytes: Uint8Array): boolean {
  return bytes.length === saltLength;
}

/** @param sequence the number of the encrypted part under this key: each number once */
export function encrypt(key: KeyObject, sequence: number, additional: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(sequence));
  cipher.setAAD(additional);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws Problem `bad-seal` unless key, sequence, additional data and every byte are unchanged since encryption */
export function decrypt(key: KeyObject, sequence: number, additional: Uint8Array, sealed: Uint8Array): Buffer {
  try {
    const end = sealed.length - tagLength;
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(sequence), { authTagLength: tagLength });
    decipher.setAAD(additional);
    decipher.setAuthTag(sealed.subarray(Math.max(0, end)));
    return Buffer.concat([decipher.update(sealed.subarray(0, Math.max(0, end))), decipher.final()]);
  } catch (cause) {
    throw new Problem('bad-seal', 'what was sealed cannot be opened: it is not for this side, or was changed', '', {
      cause,
    });
  }
}

/** 96 bits (NIST SP 800-38D, 8.2.1): a counter, for keys that are used in only one exchange. */
function nonceOf(sequence: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(sequence, 8);
  return nonce;
}

/** The name of a public key without its bytes. */
export function keyIdOf(publicKey: Uint8Array): Buffer {
  return hash('sha256', publicKey, 'buffer').subarray(0, 16);
}
