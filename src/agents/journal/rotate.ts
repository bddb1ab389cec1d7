/** Chooses the journals to remove for another one. */
import { Problem } from '../../core/errors.ts';
import { readLine } from '../../core/journal/line.ts';
import type { JournalConfig } from './config.ts';
import type { StoredJournal } from './stored.ts';

export interface IndexedRun {
  readonly run: string;
  readonly bytes: number;
  /** The time of its last entry: milliseconds since the epoch. */
  readonly at: number;
}

/** Milliseconds for which the journal of an unsuccessful run is kept in any case. */
const kept = 24 * 60 * 60_000;

/**
 * The oldest first; successful runs before all others. A run that has not completed, and wrote within a day, stays.
 * @param read a journal, to see whether its run has ended; undefined if it is damaged
 * @throws Problem `journal-full` if that does not make enough room
 */
export async function chooseOldest(
  indexed: readonly IndexedRun[],
  { run, bytes }: Pick<IndexedRun, 'run' | 'bytes'>,
  { max_runs, max_size }: JournalConfig,
  read: (run: string) => Promise<StoredJournal | undefined>,
): Promise<string[]> {
  const others = indexed.filter((one) => one.run !== run).sort((a, b) => a.at - b.at);
  let count = others.length + 1;
  let size = others.reduce((sum, one) => sum + one.bytes, bytes);
  const isTooMuch = () => count > max_runs || size > max_size;
  if (!isTooMuch()) return [];
  const leaving: string[] = [];
  const leave = (one: IndexedRun) => {
    leaving.push(one.run);
    count--;
    size -= one.bytes;
  };
  const unfinished: IndexedRun[] = [];
  for (const one of others) {
    if (!isTooMuch()) return leaving;
    if (hasEnded(await read(one.run))) leave(one);
    else unfinished.push(one);
  }
  for (const one of unfinished) {
    if (!isTooMuch()) return leaving;
    if (Date.now() - one.at > kept) leave(one);
  }
  if (!isTooMuch()) return leaving;
  const what = `there is no room for another journal: ${others.length} runs of the last day have not ended well`;
  throw new Problem('journal-full', what, 'raise max_runs or max_size of the agent journal, or resume these runs');
}

function hasEnded(journal: StoredJournal | undefined): boolean {
  const last = journal?.lines.at(-1);
  if (last === undefined) return journal !== undefined;
  const { type, state } = readLine(last).entry;
  return type === 'run-finished' && (state === 'done' || state === 'nothing-to-do');
}
