import { createECDH, createSecretKey, type ECDH, type KeyObject } from 'node:crypto';
import { issuersIn, parseCertificate } from '../credentials/certificate.ts';
import { proveCertificate, type Trust } from '../credentials/proof.ts';
import { sign, verifies, chainOf, type Credentials } from '../credentials/signature.ts';
import { recallIssuers, rememberIssuers } from '../credentials/issuers.ts';
import { Problem } from '../errors.ts';
import { encryptionKeyCodec, protocolVersion } from '../wire/codec.ts';
import type { SignedKey } from '../wire/messages.ts';
import { keyIdOf } from './box.ts';

/** One side of ECDH on P-256. It exists only in memory. */
export interface KeyPair {
  readonly publicKey: Buffer;
  readonly id: Buffer;
  /**
   * The secret that only the two sides can compute.
   * @param other the other side's public key
   * @throws Problem `bad-key` unless it is a point of the curve
   */
  readonly secretWith: (other: Uint8Array) => KeyObject;
}

/** @param mostSecrets the number of other sides whose secrets are kept: requests between the same two share one */
export function makeKeyPair(mostSecrets = 256): KeyPair {
  const ecdh = createECDH('prime256v1');
  const publicKey = ecdh.generateKeys();
  const secrets = new Map<string, KeyObject>();
  return {
    publicKey,
    id: keyIdOf(publicKey),
    secretWith: (other) => {
      const name = Buffer.from(other).toString('latin1');
      const known = secrets.get(name);
      if (known !== undefined) return known;
      const secret = compute(ecdh, other);
      if (secrets.size >= mostSecrets) secrets.delete(secrets.keys().next().value ?? '');
      secrets.set(name, secret);
      return secret;
    },
  };
}

function compute(ecdh: ECDH, other: Uint8Array): KeyObject {
  try {
    if (other.length !== 65) throw new Error('it is not an uncompressed point');
    return createSecretKey(ecdh.computeSecret(other));
  } catch (cause) {
    throw new Problem('bad-key', 'the public key is not a point on P-256', '', { cause });
  }
}

/** A node's signed statement of its own key. */
export function signKey({ publicKey }: KeyPair, node: Credentials, createdAt: number): SignedKey {
  const key = encryptionKeyCodec.encode({
    protocol: protocolVersion,
    node: node.identity.name,
    publicKey,
    createdAt,
  });
  return { key, signature: sign('encryption-key', key, node.key), chain: chainOf(node) };
}

/** That the signatures of a key were checked before, byte for byte. */
export interface CheckedSignatures {
  /** SHA-256 fingerprints of the CA certificates whose signature on the node's certificate held. */
  readonly issuers: readonly string[];
}

/**
 * The public key, once it is proven that the target node signed it.
 * @param checked an earlier check of the same signatures: only these are not checked again
 * @throws Problem `bad-key`, or as {@link proveCertificate}
 */
export function openKey(
  signed: SignedKey,
  node: string,
  trust: Trust,
  now: number,
  checked?: CheckedSignatures,
): Buffer {
  const [leaf] = signed.chain;
  if (leaf === undefined) throw new Problem('bad-key', `the encryption key of ${node} has no certificate`);
  const certificate = parseCertificate(leaf);
  rememberIssuers(issuersIn(signed.chain), trust);
  if (checked !== undefined) recallIssuers(certificate, checked.issuers, trust);
  const { identity } = proveCertificate(certificate, 'node', trust, now);
  if (identity.name !== node) {
    throw new Problem('bad-key', `the encryption key of ${node} is signed by ${identity.name}`);
  }
  if (checked === undefined && !verifies('encryption-key', signed.key, signed.signature, certificate)) {
    throw new Problem('bad-key', `the signature of the encryption key of ${node} is not valid`);
  }
  const key = encryptionKeyCodec.decode(signed.key);
  if (key.protocol !== protocolVersion || key.node !== node || key.publicKey.length !== 65) {
    throw new Problem('bad-key', `the encryption key of ${node} is not one of ${node}`);
  }
  return key.publicKey;
}
