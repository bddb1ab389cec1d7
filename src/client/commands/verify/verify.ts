import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { readInput } from '../../../core/files/read-input.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';

declare const MCO_RELEASE_KEY: string | undefined;

interface VerifyOptions {
  readonly sums?: string;
  readonly key?: string;
  readonly json?: boolean;
}

/** The result for one file: `ok`; `changed`, its sum differs; `unknown`, the list does not name it. */
type FileStatus = 'ok' | 'changed' | 'unknown';

const words: Readonly<Record<FileStatus, string>> = {
  ok: 'as released',
  changed: 'NOT as released: its checksum differs; download it again',
  unknown: 'NOT named by the signed list of sums',
};

/**
 * The list of sums is not used before its signature is valid.
 * @throws Problem `no-release-key`, `bad-release-key`, `bad-signature`, `unreadable-file`
 */
export async function verifyFiles(
  files: readonly string[],
  { sums: sumsFile, key: keyFile, json = false }: VerifyOptions,
  context: CliContext,
): Promise<number> {
  const list = sumsFile ?? join(dirname(files[0] ?? ''), 'SHA256SUMS');
  const key = await readKey(keyFile);
  const [sums, signature] = [await read(list), await read(`${list}.sig`)];
  if (!verify(null, sums, key, signature)) {
    const hint = 'download both again from where releases are published';
    throw new Problem('bad-signature', `${list} does not match its signature by this key`, hint);
  }
  const known = parseSums(sums.toString());
  const results: { file: string; verdict: FileStatus }[] = [];
  for (const file of files) results.push({ file, verdict: judge(known.get(basename(file)), await sha256(file)) });
  if (json) context.out(JSON.stringify(results));
  else for (const { file, verdict } of results) context.out(`${file}: ${words[verdict]}`);
  return results.every(({ verdict }) => verdict === 'ok') ? exitCode.ok : exitCode.someFailed;
}

async function readKey(file: string | undefined): Promise<KeyObject> {
  const pem = file === undefined ? builtInKey() : await read(file);
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Reported below, like a key of another type.
  }
  throw new Problem('bad-release-key', `${file ?? 'the key in this program'} is not an Ed25519 key in PEM`);
}

function builtInKey(): string {
  const key = typeof MCO_RELEASE_KEY === 'string' ? MCO_RELEASE_KEY : '';
  if (key !== '') return key;
  throw new Problem(
    'no-release-key',
    'this program was built without the key of the releases',
    'name it with --key FILE',
  );
}

/** The lines of sha256sum(1): sum, a space, a space or `*`, name. */
function parseSums(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/^([0-9a-f]{64}) [ *]([^/\n]+)$/gm);
  return new Map([...lines].map(([, sum = '', name = '']) => [name, sum]));
}

function judge(expected: string | undefined, sum: string): FileStatus {
  if (expected === undefined) return 'unknown';
  return expected === sum ? 'ok' : 'changed';
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readInput(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  return hash.digest('hex');
}

function unreadable(file: string, cause: unknown): Problem {
  return new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`);
}
