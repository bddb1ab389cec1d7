import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { isObject, parseJsonObject } from '../../../core/json.ts';
import type { HaproxyInfo } from '../runtime/process.ts';

/** A server that was taken out and is to stay out until it is put back. */
export interface HeldServer {
  readonly backend: string;
  readonly server: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  /** Whose call took it out, and in which run; empty outside of one. */
  readonly caller?: string;
  readonly run?: string;
}

/** What is remembered over a restart of the daemon. */
export interface StoredMaintenance {
  readonly servers: readonly HeldServer[];
  /** The process of HAProxy by socket, as last seen: another one has forgotten all that it was told. */
  readonly processes: Readonly<Record<string, HaproxyInfo>>;
}

export const nothingHeld: StoredMaintenance = { servers: [], processes: {} };

/** Where it is kept in the agent's directory. */
export function maintenanceFile(stateDirectory: string): string {
  return join(stateDirectory, 'held.json');
}

/** A missing or damaged file holds nothing: then HAProxy's own state stands. */
export async function readMaintenance(file: string): Promise<StoredMaintenance> {
  try {
    const { servers, processes } = parseJsonObject(await readFile(file), file);
    if (!Array.isArray(servers) || !isObject(processes)) return nothingHeld;
    const known = servers.filter((one) => isObject(one) && isName(one.backend) && isName(one.server));
    return { servers: known as HeldServer[], processes: processes as Record<string, HaproxyInfo> };
  } catch {
    return nothingHeld;
  }
}

/** Written whole or not at all. @throws Problem `unwritable-state` */
export async function writeMaintenance(file: string, held: StoredMaintenance): Promise<void> {
  try {
    await writeFile(`${file}.new`, JSON.stringify(held), { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch (cause) {
    throw new Problem('unwritable-state', `${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
  }
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9_.:-]+$/.test(value);
}
