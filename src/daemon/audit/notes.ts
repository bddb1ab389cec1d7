import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ChainState } from '../../core/audit/record.ts';
import { errnoOf, explainErrno } from '../../core/errors.ts';
import { makeDirectories, replaceFile } from '../../core/files/durable.ts';
import { isObject, parseJsonObject } from '../../core/json.ts';

/** A change of the log from outside, until an operator has acknowledged it. */
export interface AuditIncident {
  /** ISO 8601 */
  readonly at: string;
  /** For a person. */
  readonly what: string;
}

/** The daemon's notes about its log, stored in its state directory, apart from the log. */
export interface AuditNotes {
  readonly incidents: () => readonly AuditIncident[];
  /** A position that the chain has certainly reached; undefined when none is known. */
  readonly end: () => ChainState | undefined;
  readonly add: (incident: AuditIncident, end: ChainState) => Promise<void>;
  readonly keepEnd: (end: ChainState) => Promise<void>;
  /** @returns how many there were */
  readonly acknowledge: () => Promise<number>;
  /** Why the notes could not be read or written. */
  readonly faults: () => readonly string[];
}

/** The path of the notes, in the daemon's state directory. */
export function auditNotesFile(state: string): string {
  return join(state, 'audit.json');
}

interface Content {
  readonly end?: ChainState;
  readonly incidents: readonly AuditIncident[];
}

/** @param file undefined: nothing outlives this process */
export async function openAuditNotes(file?: string): Promise<AuditNotes> {
  let faults: string[] = [];
  const fault = (what: string, error: unknown) => {
    faults = [`${file} cannot be ${what}: ${explainErrno(error)}`];
  };
  let content = await read(file, fault);
  const change = async (next: Content) => {
    content = next;
    if (file === undefined) return;
    try {
      await makeDirectories(dirname(file), 0o700);
      await replaceFile(file, `${JSON.stringify(content)}\n`);
      faults = [];
    } catch (error) {
      fault('written', error);
    }
  };
  return {
    incidents: () => content.incidents,
    end: () => content.end,
    add: (incident, end) => change({ end, incidents: [...content.incidents, incident].slice(-100) }),
    keepEnd: (end) => change({ ...content, end }),
    acknowledge: async () => {
      const { length } = content.incidents;
      await change({ ...content, incidents: [] });
      return length;
    },
    faults: () => faults,
  };
}

async function read(file: string | undefined, fault: (what: string, error: unknown) => void): Promise<Content> {
  if (file === undefined) return { incidents: [] };
  try {
    const { end, incidents } = parseJsonObject(await readFile(file, 'utf8'), file);
    return {
      ...(isEnd(end) ? { end } : {}),
      incidents: Array.isArray(incidents) ? incidents.filter(isIncident) : [],
    };
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') fault('read', error);
    return { incidents: [] };
  }
}

function isEnd(value: unknown): value is ChainState & {} {
  return isObject(value) && Number.isSafeInteger(value.sequence) && /^[0-9a-f]{64}$/.test(String(value.hash));
}

function isIncident(value: unknown): value is AuditIncident & {} {
  return isObject(value) && typeof value.at === 'string' && typeof value.what === 'string';
}
