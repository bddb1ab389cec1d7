import { readFile } from 'node:fs/promises';
import type { ActionContext } from '../../../core/agent.ts';
import { replaceFile } from '../../../core/files/durable.ts';
import { Problem } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import { isRevision } from './layout.ts';
import { ifThere } from '../../../core/files/if-there.ts';

/** State that `current` does not show; empty strings for none. */
export interface ReleaseState {
  /** The release that was last healthy. */
  readonly confirmed: string;
  /** The one that was confirmed before it. */
  readonly before: string;
  /** The one that was being prepared; its upgrade may have been cut off at any point. */
  readonly pending: string;
  /** Those that did not start, the last one last; omitted for none. */
  readonly failed?: readonly string[];
  /** The call that activated the confirmed release; omitted if unknown. */
  readonly origin?: ReleaseOrigin;
}

/** Since when a release serves, and by which call. */
export interface ReleaseOrigin {
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** As policies write it: `cert=NAME`. */
  readonly caller: string;
  /** Empty if the call belonged to no run. */
  readonly run: string;
}

/** A release that a call activates now. */
export function originOf({ caller, runId }: Pick<ActionContext, 'caller' | 'runId'>): ReleaseOrigin {
  return { since: Date.now(), caller, run: runId };
}

/** @throws Problem `bad-state` */
export async function readState(file: string): Promise<ReleaseState | undefined> {
  const text = await ifThere(readFile(file, 'utf8'));
  if (text === undefined) return undefined;
  const value = parseState(text);
  if (value === undefined) {
    throw new Problem('bad-state', `${file} was not written by appmgr`, 'remove it if “current” is a good release');
  }
  return value;
}

function parseState(text: string): ReleaseState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { confirmed, before, pending, failed } = value;
  if (!isRevisionOrNone(confirmed) || !isRevisionOrNone(before) || !isRevisionOrNone(pending)) return undefined;
  const state = { confirmed, before, pending, ...originIn(value.origin) };
  if (failed === undefined) return state;
  return Array.isArray(failed) && failed.every(isRevisionOrNone) ? { ...state, failed } : undefined;
}

/** Only for people: a damaged one does not make the state invalid. */
function originIn(value: unknown): Pick<ReleaseState, 'origin'> {
  if (!isObject(value)) return {};
  const { since, caller, run } = value;
  if (!Number.isSafeInteger(since) || typeof caller !== 'string' || typeof run !== 'string') return {};
  return { origin: { since: since as number, caller, run } };
}

function isRevisionOrNone(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || isRevision(value));
}

export async function writeState(file: string, state: ReleaseState): Promise<void> {
  await replaceFile(file, `${JSON.stringify(state)}\n`);
}

/**
 * The current state, given the target of `current`. A `current` that appmgr did not set (before its first upgrade, or
 * changed by hand) counts as confirmed: a person wanted it.
 */
export function settleState(known: ReleaseState | undefined, current: string): ReleaseState {
  if (known === undefined) return { confirmed: current, before: '', pending: '' };
  if (current === known.confirmed || current === known.pending) return known;
  const { origin: _origin, ...rest } = known;
  return { ...rest, confirmed: current, before: known.confirmed, pending: '' };
}

/** Whether the upgrade of the serving release was completed. */
export function isConfirmed(state: ReleaseState, revision: string): boolean {
  return revision !== '' && state.confirmed === revision;
}

/** After a return, the release that was left does not count as the next one: a second return must not restore it. */
export function confirmRollback(state: ReleaseState, revision: string, origin?: ReleaseOrigin): ReleaseState {
  return { ...confirmRelease(state, revision, origin), before: '' };
}

/** @param origin the call that activated it; a repaired release keeps its own */
export function confirmRelease(state: ReleaseState, revision: string, origin?: ReleaseOrigin): ReleaseState {
  const { origin: known, ...rest } = state;
  const isSame = state.confirmed === revision;
  const from = isSame ? (known ?? origin) : origin;
  const confirmed = { ...rest, confirmed: revision, before: isSame ? state.before : state.confirmed, pending: '' };
  return withFailed({ ...confirmed, ...(from === undefined ? {} : { origin: from }) }, (one) => one !== revision);
}

/** How many failed releases are remembered; earlier ones are long gone from the disk. */
const mostFailed = 100;

/** The release did not start. One that served before does not count as failed. */
export function noteFailure(state: ReleaseState, revision: string): ReleaseState {
  if (revision === state.confirmed || revision === state.before) return state;
  const failed = [...(state.failed ?? []).filter((one) => one !== revision), revision];
  return { ...state, failed: failed.slice(-mostFailed) };
}

function withFailed({ failed, ...state }: ReleaseState, keep: (revision: string) => boolean): ReleaseState {
  const kept = (failed ?? []).filter(keep);
  return kept.length === 0 ? state : { ...state, failed: kept };
}
