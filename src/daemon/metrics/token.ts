import { createHash, timingSafeEqual } from 'node:crypto';
import { readRegular } from '../../core/files/read-input.ts';

/**
 * Whether an `Authorization` header has the token of the file (RFC 6750, 2.1). If the file cannot be read, nobody is
 * admitted.
 */
export async function holdsToken(header: string | undefined, file: string): Promise<boolean> {
  const presented = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
  const token = String(await readRegular(file).catch(() => '')).trim();
  if (presented === undefined || token === '') return false;
  // Digests have one length, and comparing them takes the same time for any content.
  const [one, other] = [presented, token].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(one as Buffer, other as Buffer);
}
