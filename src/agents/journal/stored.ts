/** The file of one run's journal: one line of JSON for each line of it. */
import { open, readFile } from 'node:fs/promises';
import { explainErrno, Problem } from '../../core/errors.ts';
import { startAppending } from '../../core/files/append-lines.ts';
import { syncDirectory } from '../../core/files/durable.ts';
import { isObject } from '../../core/json.ts';
import { followLines, type JournalEnd, type JournalLine, journalStart } from '../../core/journal/line.ts';

export interface StoredJournal {
  /** The caller that stored its first lines; empty if an older version did. */
  readonly owner: string;
  readonly lines: readonly JournalLine[];
  readonly end: JournalEnd;
  readonly bytes: number;
}

/**
 * Reads a journal; the rest of a line after a crash does not count.
 * @throws Problem `bad-journal` if it was changed, `unreadable-file`
 */
export async function readStored(run: string, file: string): Promise<StoredJournal> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const bytes = Buffer.byteLength(whole);
  const stored = whole.split('\n').slice(0, -1).map(parseStored);
  const lines = stored.map(({ line }) => line);
  return { owner: stored[0]?.owner ?? '', lines, end: followLines(run, journalStart, lines), bytes };
}

interface Stored {
  readonly line: JournalLine;
  readonly owner: string;
}

function parseStored(text: string): Stored {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value) && typeof value.text === 'string' && typeof value.signature === 'string') {
      const owner = typeof value.owner === 'string' ? value.owner : '';
      return { line: { text: value.text, signature: value.signature }, owner };
    }
  } catch {
    // It is counted below, as any other line that is not valid.
  }
  throw new Problem('bad-journal', 'a stored line is damaged', 'remove the file of that run from the state directory');
}

/** @param owner the caller that stores the first lines; undefined for later ones */
export function formatStored(lines: readonly JournalLine[], owner?: string): string {
  const first = owner === undefined ? {} : { owner };
  return lines
    .map(({ text, signature }, index) => `${JSON.stringify({ text, signature, ...(index === 0 ? first : {}) })}\n`)
    .join('');
}

/**
 * Appends lines after the valid bytes: they are on the disk when it resolves.
 * @throws Problem `unwritable-state`
 */
export async function appendStored(file: string, directory: string, lines: string, bytes: number): Promise<void> {
  try {
    const handle = await open(file, 'a', 0o600);
    try {
      const { size } = await handle.stat();
      if (size > bytes) await handle.truncate(bytes);
      const append = await startAppending(handle, { isWhole: true });
      await append(lines);
    } finally {
      await handle.close();
    }
    if (bytes === 0) await syncDirectory(directory);
  } catch (cause) {
    throw new Problem('unwritable-state', `${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
  }
}
