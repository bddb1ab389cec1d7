import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explain, explainErrno, Problem } from '../../../core/errors.ts';
import { replaceFile } from '../../../core/files/durable.ts';
import { isObject, parseJsonObject } from '../../../core/json.ts';
import type { HeldHost } from './held-hosts.ts';

/** The form of the file; the first form had none. */
const version = 2;

/** Its path in the agent's directory. */
export function maintenanceFile(stateDirectory: string): string {
  return join(stateDirectory, 'held.json');
}

/**
 * Reads which hosts are held out. A missing file holds none.
 * @throws Problem `damaged-state` for a file that is not whole: the held hosts are unknown then
 */
export async function readMaintenance(file: string): Promise<readonly HeldHost[]> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Problem('unreadable-state', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
  try {
    return parseMaintenance(bytes, file);
  } catch (cause) {
    throw new Problem(
      'damaged-state',
      `${file} is damaged, and which hosts it holds out is not known: ${explain(cause)}`,
      `see with “mco-deploy status” which are out, move ${file} away, then take out again those that are to stay out`,
      { cause },
    );
  }
}

function parseMaintenance(bytes: Uint8Array, file: string): HeldHost[] {
  const value = parseJsonObject(bytes, file);
  if (value.version === undefined && Array.isArray(value.servers)) return value.servers.map(fromFirstForm);
  if (value.version !== version) throw new Error(`its form is ${JSON.stringify(value.version)}, not ${version}`);
  if (!Array.isArray(value.hosts)) throw new Error('it has no list “hosts”');
  for (const host of value.hosts as unknown[]) if (!isHeldHost(host)) throw new Error('one of its hosts is incomplete');
  return value.hosts as unknown as HeldHost[];
}

/** A server by its name in one backend, in the format up to version 0.1.0. */
function fromFirstForm(value: unknown): HeldHost {
  if (!isObject(value) || !isName(value.backend) || !isName(value.server))
    throw new Error('one of its servers is incomplete');
  const { backend, server, since, caller, run } = value;
  const origin = typeof since === 'number' ? { since, caller: String(caller ?? ''), run: String(run ?? '') } : {};
  const nothing = { addresses: [], fqdns: [], ports: [], lines: [], breaks: [], processes: {} };
  return { host: server as string, backends: [backend as string], ...nothing, stage: 'out', ...origin };
}

/** Replaces the whole file so that it outlives a power cut. @throws Problem `unwritable-state` */
export async function writeMaintenance(file: string, hosts: readonly HeldHost[]): Promise<void> {
  try {
    await replaceFile(file, `${JSON.stringify({ version, hosts })}\n`);
  } catch (cause) {
    throw new Problem('unwritable-state', `${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
  }
}

const stages: readonly unknown[] = ['leaving', 'out', 'entering'];

function isHeldHost(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { host, addresses, fqdns, backends, ports, lines, stage, runs, breaks, processes, since, outSince } = value;
  return (
    isName(host) &&
    [addresses, fqdns].every(isTexts) &&
    (backends === undefined || (Array.isArray(backends) && backends.every(isName))) &&
    isListOf(ports, (port) => Number.isSafeInteger(port)) &&
    isListOf(lines, isHeldLine) &&
    stages.includes(stage) &&
    (runs === undefined || (isObject(runs) && isTexts(Object.values(runs)))) &&
    isListOf(breaks, isObject) &&
    isObject(processes) &&
    [since, outSince].every((time) => time === undefined || Number.isSafeInteger(time))
  );
}

function isHeldLine(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { socket, backend, server, address, agent, total } = value;
  return (
    isTexts([socket, address]) &&
    [backend, server].every(isName) &&
    typeof agent === 'boolean' &&
    Number.isSafeInteger(total)
  );
}

function isListOf(value: unknown, is: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}

function isTexts(value: unknown): boolean {
  return isListOf(value, (item) => typeof item === 'string');
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9_.:-]+$/.test(value);
}
