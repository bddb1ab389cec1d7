import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../core/files/durable.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import { markProcess } from './process-mark.ts';

/** A run's journal: one JSON object a line, on the disk before what it tells of is begun. */
export interface Journal {
  readonly file: string;
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

/** Begins the journal of a run, or goes on with it; first stands which process does. @throws Problem `journal-failed` */
export async function openJournal(stateDirectory: string, runId: string, goOn = false): Promise<Journal> {
  const directory = runsDirectory(stateDirectory);
  const file = journalFile(stateDirectory, runId);
  const failed = (cause: unknown) => {
    return new Problem('journal-failed', `the journal ${file} cannot be written: ${explainErrno(cause)}`, '', {
      cause,
    });
  };
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const handle = await open(file, goOn ? 'a' : 'ax', 0o600);
    const append = async (text: string) => {
      try {
        await handle.appendFile(text);
        await handle.datasync();
      } catch (cause) {
        throw failed(cause);
      }
    };
    const mark = { at: Date.now(), runId, type: 'process', ...(await markProcess()) };
    // A crash may have left a line without an end: the next one must not be lost with it.
    await append(`${goOn ? '\n' : ''}${JSON.stringify(mark)}\n`);
    if (!goOn) await syncDirectory(directory);
    return { file, write: (entry) => append(`${JSON.stringify(entry)}\n`), close: () => handle.close() };
  } catch (cause) {
    throw cause instanceof Problem ? cause : failed(cause);
  }
}
