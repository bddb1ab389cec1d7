import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { nearest } from '../../core/text.ts';
import { isEntry } from '../../playbook/journal/check-entry.ts';
import type { JournalEntry } from '../../playbook/journal/entries.ts';
import { requireKnownForm } from '../../playbook/journal/form.ts';
import { journalFile, runsDirectory } from '../../library/runs/journal.ts';
import { ambiguousId, requireIdPrefix } from '../cli/id-prefix.ts';
import { readIfThere } from '../../core/files/if-there.ts';

const name = /^([0-9a-f]{32})\.jsonl$/;

/**
 * The entries of a run's journal, or undefined when this machine has none. Lines that a crash or a full disk tore are
 * skipped.
 * @param report receives what is damaged, for a person
 * @throws Problem `unreadable-file`, `newer-journal`
 */
export async function readJournal(
  stateDirectory: string,
  runId: string,
  report: (warning: string) => void,
): Promise<JournalEntry[] | undefined> {
  const file = journalFile(stateDirectory, runId);
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  const { entries, torn } = parseJournal(text);
  if (torn.length > 0) {
    const where = torn.length === 1 ? `line ${torn[0]} of the journal` : `lines ${torn.join(', ')} of the journal`;
    const what = torn.length === 1 ? 'is damaged and was' : 'are damaged and were';
    report(`warning: ${where} ${file} ${what} skipped: its content counts as unknown`);
  }
  return entries;
}

/**
 * The content of a journal, and the numbers (from 1) of damaged lines. A last line without its end does not count as an
 * entry. @throws Problem `newer-journal`
 */
export function parseJournal(text: string): { readonly entries: JournalEntry[]; readonly torn: readonly number[] } {
  const entries: JournalEntry[] = [];
  const torn: number[] = [];
  const lines = text.split('\n');
  requireKnownForm(lines.map(parseJson));
  // The text after the last newline was not completely written.
  lines.pop();
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const entry = parseLine(line) ?? parseJoined(line);
    if (parseLine(line) === undefined) torn.push(index + 1);
    if (entry !== undefined) entries.push(entry);
  }
  return { entries, torn };
}

/** The whole entry after a torn one: a client that did not write the newline first has joined them. */
function parseJoined(line: string): JournalEntry | undefined {
  const at = line.lastIndexOf('{"at":');
  return at > 0 ? parseLine(line.slice(at)) : undefined;
}

function parseLine(line: string): JournalEntry | undefined {
  const value = parseJson(line);
  return isEntry(value) ? value : undefined;
}

/** Undefined for what is not JSON. */
function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The ids of the runs with the latest entries, the latest first. */
export async function listJournals(stateDirectory: string, most: number): Promise<string[]> {
  return (await datedJournals(stateDirectory, most)).map(({ id }) => id);
}

/** The same, with the time of the last entry: milliseconds since the epoch. */
export async function datedJournals(
  stateDirectory: string,
  most: number,
): Promise<{ readonly id: string; readonly at: number }[]> {
  const directory = runsDirectory(stateDirectory);
  const files = await readdir(directory).catch((cause: unknown) => {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw new Problem('unreadable-file', `${directory} cannot be read: ${explainErrno(cause)}`, '', { cause });
  });
  const dated = await Promise.all(
    files.flatMap((file) => {
      const id = name.exec(file)?.[1];
      return id === undefined ? [] : [stat(join(directory, file)).then(({ mtimeMs }) => ({ id, at: mtimeMs }))];
    }),
  );
  return dated.sort((a, b) => b.at - a.at).slice(0, most);
}

/**
 * The run with an id, or with the beginning of one.
 * @throws Problem `usage`, `unknown-run`
 */
export async function findRun(stateDirectory: string, prefix: string): Promise<string> {
  requireIdPrefix(prefix, 'run');
  const all = await listJournals(stateDirectory, Number.POSITIVE_INFINITY);
  const matching = all.filter((id) => id.startsWith(prefix));
  const [only, ...others] = matching;
  if (only === undefined) {
    const near = nearestRun(prefix, all);
    const hint = near === undefined ? '“mco-deploy runs” lists them' : `did you mean “${near}”?`;
    throw new Problem('unknown-run', `there is no journal of a run ${prefix} here`, hint);
  }
  if (others.length > 0) throw ambiguousId(prefix, matching.length, 'run', 'mco-deploy runs');
  return only;
}

/** The id that was probably typed, as much of it as was typed: a digit of it is wrong. */
export function nearestRun(prefix: string, ids: readonly string[]): string | undefined {
  return nearest(
    prefix,
    ids.map((id) => id.slice(0, prefix.length)),
  );
}
