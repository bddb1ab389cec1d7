import type { SealedEvent, SealedRequest } from '../wire/messages.ts';

/** The bytes of a sealed request, in any of its fields: the sender chose all of them, and nobody has checked them yet. */
export function sizeOfRequest({ keyId, ephemeral, salt, ciphertext }: SealedRequest): number {
  return keyId.length + ephemeral.length + salt.length + ciphertext.length;
}

/** The same of a part of a reply. */
export function sizeOfPart({ salt, ciphertext }: SealedEvent): number {
  return salt.length + ciphertext.length;
}
