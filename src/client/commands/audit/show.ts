import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditFile, readFileLines } from '../../../core/audit/files.ts';
import { type AuditRecord, type EndedRecord, parseRecord } from '../../../core/audit/record.ts';
import { type AuditEntry, formatEntry, outcomeOf } from '../../../core/audit/show.ts';
import { Problem } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { findAuditFiles, locateAudit } from '../../trace/locate.ts';

interface ShowOptions {
  readonly config: string;
  readonly file?: string;
  readonly json?: boolean;
  readonly caller?: string;
  readonly agent?: string;
  readonly action?: string;
  readonly run?: string;
  readonly request?: string;
  readonly outcome?: string;
  readonly since?: string;
  readonly until?: string;
  readonly follow?: boolean;
}

/** Milliseconds between two reads of a followed log. */
const followInterval = 500;

/**
 * Prints the log's requests in the seed's form, or as an array of JSON (one object a line when followed). A line that
 * cannot be read is named and makes the exit code 2.
 */
export async function showAudit(options: ShowOptions, context: CliContext): Promise<number> {
  const isChosen = chooseEntries(options);
  const { file } = await locateAudit(options);
  let unreadable = 0;
  const faults = (path: string, line: number) => {
    unreadable++;
    context.err(`${path}:${line}: this line is not an audit record`);
  };
  const shown: AuditEntry[] = [];
  const show = (entry: AuditEntry) => {
    if (!isChosen(entry)) return;
    if (options.json !== true) context.out(formatEntry(entry));
    else if (options.follow === true) context.out(JSON.stringify(entry));
    else shown.push(entry);
  };
  const joiner = startJoining(show);
  let last = await readAll(await findAuditFiles(file), 0, joiner, faults);
  if (options.follow !== true) {
    joiner.flush();
    if (options.json === true) context.out(JSON.stringify(shown, null, 2));
    return unreadable > 0 ? exitCode.someFailed : exitCode.ok;
  }
  let seen = await sizeOf(file);
  const stop = AbortSignal.any([context.signal, context.readerGone ?? context.signal]);
  while (!stop.aborted) {
    await sleep(followInterval, undefined, { signal: stop }).catch(() => {});
    const size = await sizeOf(file);
    if (size === seen) continue;
    seen = size;
    last = await readAll(await findAuditFiles(file), last, joiner, faults);
  }
  return exitCode.ok;
}

async function sizeOf(file: string): Promise<number> {
  return await stat(file).then(
    ({ size }) => size,
    () => -1,
  );
}

/** Reads all records after one; files that end before it are skipped by their names. @returns the last one's number */
async function readAll(
  files: readonly AuditFile[],
  after: number,
  { add }: Joining,
  faults: (path: string, line: number) => void,
): Promise<number> {
  let last = after;
  for (const [index, { path }] of files.entries()) {
    const next = files[index + 1]?.first;
    if (next !== undefined && next <= after) continue;
    for await (const { text, number, torn } of readFileLines(path)) {
      if (torn) continue;
      const record = readRecord(text);
      if (record === undefined) faults(path, number);
      else if (record.sequence > last) {
        last = record.sequence;
        add(record);
      }
    }
  }
  return last;
}

interface Joining {
  readonly add: (record: AuditRecord) => void;
  /** Prints requests without an outcome. */
  readonly flush: () => void;
}

/** Intents joined with their outcomes, printed in the order of the intents as far as they are known. */
function startJoining(give: (entry: AuditEntry) => void): Joining {
  const open = new Map<number, AuditEntry>();
  /** Detached calls are shown when they begin and when they end. */
  const detached = new Map<number, AuditEntry>();
  const giveEnd = (record: AuditRecord & EndedRecord) => {
    const entry = detached.get(record.intent);
    detached.delete(record.intent);
    if (entry !== undefined) give({ ...entry, outcome: outcomeOf(record) });
  };
  const giveReady = () => {
    for (const [sequence, entry] of open) {
      if (entry.outcome === undefined) return;
      open.delete(sequence);
      give(entry);
    }
  };
  return {
    add: (record) => {
      if (record.kind === 'intent') open.set(record.sequence, { intent: record });
      if (record.kind === 'started') giveAll();
      if (record.kind === 'ended') giveEnd(record);
      if (record.kind !== 'outcome') return;
      const entry = open.get(record.intent);
      if (entry !== undefined) open.set(record.intent, { ...entry, outcome: record });
      if (entry !== undefined && record.code === 'detached') detached.set(record.intent, entry);
      giveReady();
    },
    flush: giveAll,
  };

  // A request that a daemon had not finished when another started has no outcome to wait for.
  function giveAll(): void {
    for (const entry of open.values()) give(entry);
    open.clear();
  }
}

function readRecord(line: string): AuditRecord | undefined {
  const record = parseRecord(line);
  return record !== undefined && typeof record.kind === 'string' && isWhole(record) ? record : undefined;
}

/** Whether the shown keys of a record exist: a damaged file may contain anything. */
function isWhole(record: AuditRecord): boolean {
  if (record.kind === 'outcome' || record.kind === 'ended')
    return typeof record.outcome === 'string' && typeof record.code === 'string';
  if (record.kind !== 'intent') return true;
  const { time, node, request_id, caller, agent, action, request_time, arguments: input } = record;
  const texts = [time, node, request_id, caller, agent, action].every((text) => typeof text === 'string');
  return texts && !Number.isNaN(Date.parse(time)) && typeof request_time === 'number' && isObject(input);
}

function chooseEntries(options: ShowOptions): (entry: AuditEntry) => boolean {
  const { caller, agent, action, run, request, outcome: ended } = options;
  const since = options.since === undefined ? 0 : parseTime(options.since);
  const until = options.until === undefined ? Number.POSITIVE_INFINITY : parseTime(options.until);
  const outcomes = ['ok', 'failed', 'refused', 'cancelled', 'unknown'];
  if (ended !== undefined && !outcomes.includes(ended)) {
    throw new Problem('usage', `“${ended}” is not a valid outcome`, `there are ${outcomes.join(', ')}`);
  }
  return ({ intent, outcome }) => {
    const time = Date.parse(intent.time);
    return (
      (caller === undefined || intent.caller === caller) &&
      (agent === undefined || intent.agent === agent) &&
      (action === undefined || intent.action === action) &&
      (run === undefined || intent.run_id === run) &&
      (request === undefined || intent.request_id === request) &&
      (ended === undefined || (outcome?.outcome ?? 'unknown') === ended) &&
      time >= since &&
      time < until
    );
  };
}

function parseTime(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new Problem('usage', `“${text}” is not a valid time`, 'write it like 2012-10-27T21:14:02Z');
  return time;
}
