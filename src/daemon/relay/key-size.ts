import { Problem } from '../../core/errors.ts';
import type { SignedKey } from '../../core/wire/messages.ts';

/** Bytes of a key with its signature and certificates, which take some three thousand. */
const mostBytes = 64 * 1024;

export function sizeOfKey(key: SignedKey | null | undefined): number {
  if (!key) return 0;
  return [key.key, key.signature, ...key.chain].reduce((size, part) => size + part.length, 0);
}

/**
 * A relay passes keys on to its users without looking into them: one of some megabytes, by a hostile node, would end
 * their connections.
 * @throws Problem `too-large`
 */
export function requireUsualSize(key: SignedKey, node: string): SignedKey {
  if (sizeOfKey(key) <= mostBytes) return key;
  throw new Problem(
    'too-large',
    `the encryption key of ${node}, with its certificates, has more than ${mostBytes} bytes`,
  );
}
