import { join } from 'node:path';
import { explainErrno, Problem } from '../../core/errors.ts';
import { makeDirectories, syncDirectory } from '../../core/files/durable.ts';
import { markProcess } from '../../core/files/process-mark.ts';
import type { JournalEntry } from '../../playbook/journal/entries.ts';
import { journalForm } from '../../playbook/journal/form.ts';
import { openLasting } from './lasting-file.ts';

/** A run's journal: one JSON object a line, on the disk before the announced work begins. */
export interface Journal {
  readonly file: string;
  /** The process that began or continued it: its first entry from here on. */
  readonly opened: JournalEntry;
  /** @throws Problem `journal-failed` */
  readonly write: (entry: object) => Promise<void>;
  readonly close: () => Promise<void>;
}

export function runsDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'runs');
}

/** `runs/RUN.jsonl` in the state directory. */
export function journalFile(stateDirectory: string, runId: string): string {
  return join(runsDirectory(stateDirectory), `${runId}.jsonl`);
}

/** Begins the journal of a run, or continues it; the process is recorded first. @throws Problem `journal-failed` */
export async function openJournal(stateDirectory: string, runId: string, goOn = false): Promise<Journal> {
  const file = journalFile(stateDirectory, runId);
  const failed = (cause: unknown) => {
    return new Problem('journal-failed', `the journal ${file} cannot be written: ${explainErrno(cause)}`, '', {
      cause,
    });
  };
  try {
    const directory = runsDirectory(stateDirectory);
    await makeDirectories(directory, 0o700);
    const lasting = await openLasting(file, goOn ? 'a' : 'ax');
    const stamp = { at: Date.now(), runId };
    const opened: JournalEntry = { ...stamp, type: 'process', form: journalForm, ...(await markProcess()) };
    const write = (entry: object) =>
      lasting.append(`${JSON.stringify(entry)}\n`).catch((cause: unknown) => {
        throw failed(cause);
      });
    try {
      await write(opened);
      await syncDirectory(directory);
    } catch (error) {
      await lasting.close();
      throw error;
    }
    return { file, opened, write, close: lasting.close };
  } catch (cause) {
    throw cause instanceof Problem ? cause : failed(cause);
  }
}
