import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** The key that releases are signed with: Ed25519, PEM, in the file that MCO_RELEASE_KEY names. None is ever part of the project. */
export async function releaseKey(): Promise<KeyObject | undefined> {
  const file = process.env.MCO_RELEASE_KEY;
  if (file === undefined || file === '') return;
  const key = createPrivateKey(await readFile(file));
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${file} is not an Ed25519 key`);
  return key;
}

/** The public half, as the program carries it to check later releases with; empty without a key. */
export function publicPem(key: KeyObject | undefined): string {
  return key === undefined ? '' : createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}

/** Writes SHA256SUMS, as sha256sum(1) does, and SHA256SUMS.sig, the bare signature of it, when there is a key. */
export async function writeSums(out: string, files: readonly string[], key: KeyObject | undefined): Promise<void> {
  const lines: string[] = [];
  for (const file of [...files].sort()) lines.push(`${await sha256(join(out, file))}  ${file}\n`);
  const sums = Buffer.from(lines.join(''));
  await writeFile(join(out, 'SHA256SUMS'), sums);
  await rm(join(out, 'SHA256SUMS.sig'), { force: true });
  if (key !== undefined) await writeFile(join(out, 'SHA256SUMS.sig'), sign(null, sums, key));
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
