import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { explainErrno, Problem } from '../core/errors.ts';

/** A run's journal: one JSON object a line, on the disk before what it tells of is begun. */
export interface Journal {
  readonly file: string;
  /** @throws Problem `journal-failed` */
  readonly write: (entry: object) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Begins the journal of a run: `runs/RUN.jsonl` in the state directory. @throws Problem `journal-failed` */
export async function openJournal(stateDirectory: string, runId: string): Promise<Journal> {
  const directory = join(stateDirectory, 'runs');
  const file = join(directory, `${runId}.jsonl`);
  const failed = (cause: unknown) => {
    return new Problem('journal-failed', `the journal ${file} cannot be written: ${explainErrno(cause)}`, '', {
      cause,
    });
  };
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const handle = await open(file, 'ax', 0o600);
    return {
      file,
      write: async (entry) => {
        try {
          await handle.appendFile(`${JSON.stringify(entry)}\n`);
          await handle.datasync();
        } catch (cause) {
          throw failed(cause);
        }
      },
      close: () => handle.close(),
    };
  } catch (cause) {
    throw failed(cause);
  }
}
