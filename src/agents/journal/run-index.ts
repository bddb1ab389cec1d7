/** What a node knows of its journals without reading them again. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { explainErrno, Problem } from '../../core/errors.ts';
import { type IndexedRun, type RunState, stateOfRun } from './rotate.ts';
import type { StoredJournal } from './stored.ts';

export interface ListedRun extends IndexedRun {
  /** How many lines it has. */
  readonly sequence: number;
}

export interface RunIndex {
  readonly has: (run: string) => boolean;
  readonly all: () => readonly IndexedRun[];
  readonly stateOf: (one: IndexedRun) => Promise<RunState>;
  /** @returns nothing for a damaged journal */
  readonly count: (one: IndexedRun) => Promise<ListedRun[]>;
  readonly record: (run: string, journal: StoredJournal) => void;
  readonly remove: (run: string) => void;
}

interface IndexEntry extends IndexedRun {
  readonly sequence?: number;
  readonly state?: RunState;
}

const fileName = /^([0-9a-f]{32})\.jsonl$/;

/**
 * What only the content of a journal says is read once, and then follows its additions.
 * @param read rejects for a damaged journal
 * @throws Problem `unreadable-file`
 */
export async function openRunIndex(
  directory: string,
  read: (run: string) => Promise<StoredJournal>,
): Promise<RunIndex> {
  const entries: Map<string, IndexEntry> = await readDirectory(directory);
  /** Keeps what was read, unless the journal has grown in the meantime. */
  const keep = (before: IndexEntry, now: IndexEntry) => {
    if (entries.get(before.run) === before) entries.set(before.run, now);
  };
  return {
    has: (run) => entries.has(run),
    all: () => [...entries.values()],
    stateOf: async (one: IndexEntry) => {
      if (one.state !== undefined) return one.state;
      const state = stateOfRun(await read(one.run).catch(() => undefined));
      keep(one, { ...one, state });
      return state;
    },
    count: async (one: IndexEntry) => {
      if (one.sequence !== undefined) return [{ ...one, sequence: one.sequence }];
      const journal = await read(one.run).catch(() => undefined);
      if (journal === undefined) return [];
      const counted = { ...one, sequence: journal.end.sequence };
      keep(one, counted);
      return [counted];
    },
    record: (run, journal) => {
      const { bytes, end } = journal;
      entries.set(run, { run, bytes, at: Date.now(), sequence: end.sequence, state: stateOfRun(journal) });
    },
    remove: (run) => void entries.delete(run),
  };
}

async function readDirectory(directory: string): Promise<Map<string, IndexedRun>> {
  try {
    const runs = (await readdir(directory)).flatMap((file) => fileName.exec(file)?.[1] ?? []);
    const indexed = await Promise.all(
      runs.map(async (run) => {
        const { size, mtimeMs } = await stat(join(directory, `${run}.jsonl`));
        return [run, { run, bytes: size, at: mtimeMs }] as const;
      }),
    );
    return new Map(indexed);
  } catch (cause) {
    throw new Problem('unreadable-file', `${directory} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}
