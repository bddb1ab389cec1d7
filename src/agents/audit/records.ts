import { type AuditFile, listAuditFiles, readFileLines } from '../../core/audit/files.ts';
import { type AuditRecord, parseRecord } from '../../core/audit/record.ts';
import { Problem } from '../../core/errors.ts';

export interface RecordsQuery {
  readonly run?: string;
  readonly request?: string;
  /** ISO 8601 */
  readonly since?: string;
  readonly after?: number;
  readonly limit: number;
}

export interface RecordsPage {
  readonly lines: string[];
  readonly certificates: string[];
  readonly next: number;
}

/** The most characters of lines. */
export interface RecordsLimits {
  /** In one reply, except that each has a record: a larger record comes alone. */
  readonly reply: number;
  /** Read for one reply. */
  readonly read: number;
}

export const recordsLimits: RecordsLimits = { reply: 512 * 1024, read: 512 * 1024 * 1024 };

/**
 * Returns the lines that a query selects, byte for byte, so that the caller can verify them.
 * @throws Problem `too-much` when too much of the log would have to be read
 */
export async function readRecords(
  file: string,
  query: RecordsQuery,
  signal: AbortSignal,
  limits = recordsLimits,
): Promise<RecordsPage> {
  const since = query.since === undefined ? 0 : Date.parse(query.since);
  const chosen = choose(query, since);
  const page: RecordsPage = { lines: [], certificates: [], next: 0 };
  let bringer = '';
  let last = 0;
  let returned = 0;
  let read = 0;
  for (const { path } of await filesSince(await listAuditFiles(file), since, signal)) {
    for await (const { text, torn } of readFileLines(path, signal)) {
      read += text.length;
      if (read > limits.read)
        throw new Problem('too-much', 'the request covers too much of the log', 'use a later start time');
      const record = torn ? undefined : parseRecord(text);
      if (record === undefined) continue;
      if ('certificate' in record) bringer = text;
      if (!chosen(record) || record.sequence <= (query.after ?? 0)) continue;
      const full = page.lines.length >= query.limit || returned + text.length > limits.reply;
      if (full && last > 0) return { ...page, next: last };
      page.lines.push(text);
      last = record.sequence;
      returned += text.length;
      if (page.certificates.at(-1) !== bringer) page.certificates.push(bringer);
    }
  }
  return page;
}

/**
 * For a run or request, outcomes are found by their intents: so intents are remembered even if they are not returned.
 */
function choose({ run, request }: RecordsQuery, since: number): (record: AuditRecord) => boolean {
  const intents = new Set<number>();
  return (record) => {
    if (Date.parse(record.time) < since) return false;
    if (run === undefined && request === undefined) return true;
    if (record.kind === 'outcome' || record.kind === 'ended') return intents.has(record.intent);
    if (record.kind !== 'intent') return false;
    const matches =
      (run === undefined || record.run_id === run) && (request === undefined || record.request_id === request);
    if (matches) intents.add(record.sequence);
    return matches;
  };
}

/** Skips files that end before a time: if the next one begins before it. */
async function filesSince(
  files: readonly AuditFile[],
  since: number,
  signal: AbortSignal,
): Promise<readonly AuditFile[]> {
  for (const [index, { path }] of [...files.entries()].reverse()) {
    for await (const { text } of readFileLines(path, signal)) {
      const record = parseRecord(text);
      if (record !== undefined && Date.parse(record.time) < since) return files.slice(index);
      break;
    }
  }
  return files;
}
