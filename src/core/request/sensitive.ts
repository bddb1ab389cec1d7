import { createHash, randomBytes } from 'node:crypto';
import { Problem } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { SensitiveValue } from '../wire/messages.ts';

/**
 * In the signed arguments a commitment replaces a sensitive input: SHA-256 over a random salt and the value's JSON. So
 * the signed bytes can be stored and shown forever, and only the node learns the value.
 */
export interface Commitment {
  readonly $commitment: string;
}

function commit({ salt, value }: SensitiveValue): Commitment {
  const hash = createHash('sha256').update('mco-deploy/1/sensitive\0').update(salt).update(value).digest('hex');
  return { $commitment: `sha256:${hash}` };
}

export function isCommitment(value: unknown): value is Commitment {
  return typeof value === 'object' && value !== null && '$commitment' in value;
}

/** Replaces the named arguments by commitments; returns the signed part and the values that accompany it. */
export function hideSensitive(
  input: Readonly<Record<string, unknown>>,
  names: readonly string[],
): { shown: Record<string, unknown>; sensitive: Record<string, SensitiveValue> } {
  const shown: Record<string, unknown> = { ...input };
  const sensitive: Record<string, SensitiveValue> = {};
  for (const name of names) {
    if (!Object.hasOwn(input, name)) continue;
    const hidden = { salt: randomBytes(32), value: Buffer.from(JSON.stringify(input[name])) };
    sensitive[name] = hidden;
    shown[name] = commit(hidden);
  }
  return { shown, sensitive };
}

/**
 * Replaces the commitments by the values.
 * @throws Problem `bad-commitment` when a value is missing, does not match its commitment, or has none; `malformed-json`
 * when it may not be an argument
 */
export function revealSensitive(
  shown: Readonly<Record<string, unknown>>,
  sensitive: Readonly<Record<string, SensitiveValue>>,
): Record<string, unknown> {
  const revealed: Record<string, unknown> = { ...shown };
  for (const [name, value] of Object.entries(shown)) {
    if (!isCommitment(value)) continue;
    const hidden = Object.hasOwn(sensitive, name) ? sensitive[name] : undefined;
    if (hidden === undefined || hidden.salt.length !== 32 || commit(hidden).$commitment !== value.$commitment) {
      throw new Problem('bad-commitment', `the value of the sensitive input “${name}” does not fit what was signed`);
    }
    revealed[name] = parseJson(hidden.value, `the sensitive input “${name}”`);
  }
  for (const name of Object.keys(sensitive)) {
    if (!isCommitment(shown[name])) {
      throw new Problem('bad-commitment', `a sensitive value for “${name}” came that was not signed`);
    }
  }
  return revealed;
}
