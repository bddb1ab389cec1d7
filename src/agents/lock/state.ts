import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../core/files/durable.ts';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { isObject, parseJsonObject } from '../../core/json.ts';
import type { Lease } from './lease.ts';

/** The state that outlives the daemon. */
export interface LockState {
  /** The last number that was given: one for all leases, so that none is ever repeated. */
  readonly fence: number;
  readonly leases: readonly Lease[];
}

export function stateFile(directory: string): string {
  return join(directory, 'leases.json');
}

/**
 * Leases that were held when the daemon ended live on for their full time: it is unknown how long the daemon was down, and
 * a living holder renews. Those that had expired before are not in the file.
 * @throws Problem `bad-state`: without the numbers, a stale holder could not be recognised any more
 */
export async function readLocks(file: string, clock: number): Promise<LockState> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { fence: 0, leases: [] };
    throw new Problem('bad-state', `${file} cannot be read: ${explainErrno(error)}`, '', { cause: error });
  }
  const { fence, leases } = parseJsonObject(text, file);
  if (!Number.isSafeInteger(fence) || !Array.isArray(leases) || !leases.every(isLease)) {
    throw new Problem('bad-state', `${file} is not what the lock agent wrote`, 'remove it while no deploy runs');
  }
  return { fence: fence as number, leases: leases.map((lease) => ({ ...lease, ends: clock + lease.ttl })) };
}

function isLease(value: unknown): value is Omit<Lease, 'ends'> {
  if (!isObject(value)) return false;
  const { name, caller, runId, from, fence, since, ttl } = value;
  return (
    [name, caller, runId, from].every((text) => typeof text === 'string') &&
    [fence, since, ttl].every((number) => Number.isSafeInteger(number))
  );
}

/** @throws Problem `unwritable-state` */
export async function writeLocks(file: string, { fence, leases }: LockState): Promise<void> {
  try {
    await replaceFile(file, `${JSON.stringify({ fence, leases: leases.map(({ ends: _ends, ...kept }) => kept) })}\n`);
  } catch (cause) {
    throw new Problem('unwritable-state', `${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
  }
}
