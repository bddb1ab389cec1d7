import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import type { JournalEntry } from '../../playbook/journal/entries.ts';
import { journalFile, runsDirectory } from './journal.ts';

const name = /^([0-9a-f]{32})\.jsonl$/;

/**
 * The entries of a run's journal, or undefined when this machine has none.
 * A line that a crash cut off is passed over: it is the last one, or the next one tells which process went on.
 * @throws Problem `bad-journal`, naming the line; `unreadable-file`
 */
export async function readJournal(stateDirectory: string, runId: string): Promise<JournalEntry[] | undefined> {
  const file = journalFile(stateDirectory, runId);
  try {
    return parseJournal(await readFile(file, 'utf8'), file);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    if (cause instanceof Problem) throw cause;
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

/** @throws Problem `bad-journal` */
export function parseJournal(text: string, file: string): JournalEntry[] {
  const lines = text.split('\n').map((line, index) => ({ number: index + 1, line, entry: parseLine(line) }));
  const written = lines.filter(({ line }) => line !== '');
  return written.flatMap(({ number, line, entry }, index) => {
    const next = written[index + 1];
    if (entry !== undefined && (next !== undefined || text.endsWith('\n'))) return [entry];
    if (next === undefined ? !text.endsWith('\n') : next.entry?.type === 'process') return [];
    const shown = line.length > 60 ? `${line.slice(0, 60)}…` : line;
    throw new Problem('bad-journal', `${file}:${number}: the line is no entry of a journal: ${shown}`);
  });
}

function parseLine(line: string): JournalEntry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const right = isObject(value) && typeof value.type === 'string' && typeof value.at === 'number';
    return right ? (value as unknown as JournalEntry) : undefined;
  } catch {
    return undefined;
  }
}

/** The ids of the runs whose journals were written to last, the latest first. */
export async function listJournals(stateDirectory: string, most: number): Promise<string[]> {
  const directory = runsDirectory(stateDirectory);
  const files = await readdir(directory).catch((cause: unknown) => {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw new Problem('unreadable-file', `${directory} cannot be read: ${explainErrno(cause)}`, '', { cause });
  });
  const dated = await Promise.all(
    files.flatMap((file) => {
      const id = name.exec(file)?.[1];
      return id === undefined ? [] : [stat(join(directory, file)).then(({ mtimeMs }) => ({ id, mtimeMs }))];
    }),
  );
  return dated
    .sort((a, b) => b.mtimeMs - a.mtimeMs)
    .slice(0, most)
    .map(({ id }) => id);
}

/**
 * The run that is meant by an id or by its beginning.
 * @throws Problem `usage`, `unknown-run`
 */
export async function findRun(stateDirectory: string, given: string): Promise<string> {
  if (!/^[0-9a-f]{4,32}$/.test(given)) {
    throw new Problem('usage', `“${given.slice(0, 40)}” is no run`, 'give its id, or at least its first four digits');
  }
  const matching = (await listJournals(stateDirectory, Number.POSITIVE_INFINITY)).filter((id) => id.startsWith(given));
  const [only, ...others] = matching;
  if (only === undefined) {
    throw new Problem('unknown-run', `there is no journal of a run ${given} here`, '“mco-deploy runs” lists them');
  }
  if (others.length > 0) throw new Problem('usage', `${given} is the beginning of ${matching.length} runs`);
  return only;
}
