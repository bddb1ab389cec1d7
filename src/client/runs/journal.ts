import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories, syncDirectory } from '../../core/files/durable.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import { markProcess } from '../../core/files/process-mark.ts';

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

/** Begins the journal of a run, or continues it; first stands which process does. @throws Problem `journal-failed` */
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
    const handle = await open(file, goOn ? 'a' : 'ax', 0o600);
    const append = await startAppending(handle);
    const write = (entry: object) =>
      append(`${JSON.stringify(entry)}\n`).catch((cause: unknown) => {
        throw failed(cause);
      });
    try {
      await write({ at: Date.now(), runId, type: 'process', ...(await markProcess()) });
      await syncDirectory(directory);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return { file, write, close: () => handle.close() };
  } catch (cause) {
    throw cause instanceof Problem ? cause : failed(cause);
  }
}

/**
 * Appends lines one after the other, each on the disk or not there: what a full disk left of one is cut off before the next.
 * @param handle open for appending alone
 */
async function startAppending(handle: FileHandle): Promise<(line: string) => Promise<void>> {
  let { size } = await handle.stat();
  // A crash may have left a line without its end: it stays, for a person to read, and gets one.
  let dirty = size > 0;
  let last: Promise<unknown> = Promise.resolve();
  const appendNow = async (line: string) => {
    const text = dirty ? `\n${line}` : line;
    try {
      await handle.appendFile(text);
      await handle.datasync();
    } catch (error) {
      dirty = !(await cutOff(handle, size));
      throw error;
    }
    size += Buffer.byteLength(text);
    dirty = false;
  };
  return (line) => {
    const written = last.then(() => appendNow(line));
    last = written.catch(() => {});
    return written;
  };
}

/** @returns whether the file ends where its last whole line does */
async function cutOff(handle: FileHandle, size: number): Promise<boolean> {
  try {
    await handle.truncate(size);
    return true;
  } catch {
    return false;
  }
}
