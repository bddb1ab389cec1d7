import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { readRegular } from '../../../core/files/read-input.ts';

/** Bytes of an Ed25519 signature (RFC 8032, 5.1.6). */
const signatureSize = 64;

/**
 * Checks that one of the signers signed a text: a detached Ed25519 signature of its bytes, raw or in base64.
 * @param signers files of public keys, PEM
 * @throws Problem `bad-signature` when none did, `bad-key` when a key cannot be used
 */
export async function assertSigned(
  text: Buffer,
  signature: Buffer | undefined,
  signers: readonly string[],
  shown: string,
): Promise<void> {
  const keys = await Promise.all(signers.map(readKey));
  if (signature === undefined) {
    throw new Problem('bad-signature', `${shown} is not signed: ${shown}.sig is missing`, 'sign it when you publish');
  }
  const bytes = decodeSignature(signature);
  if (bytes !== undefined && keys.some((key) => verify(null, text, key, bytes))) return;
  throw new Problem('bad-signature', `${shown} was signed by none of ${signers.join(', ')}`, 'do not use it');
}

function decodeSignature(file: Buffer): Buffer | undefined {
  if (file.length === signatureSize) return file;
  const text = file.toString('latin1').trim();
  const bytes = /^[A-Za-z0-9+/]{86}==$/.test(text) ? Buffer.from(text, 'base64') : undefined;
  return bytes?.length === signatureSize ? bytes : undefined;
}

async function readKey(file: string): Promise<KeyObject> {
  let why = 'it is not an Ed25519 key';
  try {
    const key = createPublicKey(await readRegular(file));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    why =
      (cause as NodeJS.ErrnoException).syscall === undefined ? 'it is not a public key in PEM' : explainErrno(cause);
  }
  throw new Problem('bad-key', `${file} cannot be used as a signer’s key: ${why}`);
}
