/** Chooses the journals to remove for another one. */
import { Problem } from '../../core/errors.ts';
import { readLine } from '../../core/journal/line.ts';
import { isBeyondShare, surplusOf } from '../../core/shares.ts';
import type { JournalConfig } from './config.ts';
import type { StoredJournal } from './stored.ts';

export interface IndexedRun {
  readonly run: string;
  readonly bytes: number;
  /** The time of its last entry: milliseconds since the epoch. */
  readonly at: number;
}

/** What only the content of a journal says. */
export interface RunState {
  /** The caller that stored its first lines. */
  readonly owner: string;
  /** Whether the run ended well. */
  readonly hasEnded: boolean;
}

/** Milliseconds for which the journal of an unsuccessful run is kept in any case. */
const kept = 24 * 60 * 60_000;

type KnownRun = IndexedRun & RunState;

/**
 * The oldest of the operator who has the most, again and again; successful runs before all others. A run that has not
 * completed, and wrote within a day, stays: no operator may fill the last quarter with those, if a quarter is its own.
 * @param owner the operator whose run asks
 * @param stateOf reads it from a journal
 * @throws Problem `journal-full` if that does not make enough room
 */
export async function chooseOldest(
  indexed: readonly IndexedRun[],
  { run, bytes, owner }: Pick<KnownRun, 'run' | 'bytes' | 'owner'>,
  { max_runs, max_size }: JournalConfig,
  stateOf: (run: IndexedRun) => Promise<RunState>,
): Promise<string[]> {
  const others = indexed.filter((one) => one.run !== run).sort((a, b) => a.at - b.at);
  let [count, size] = [others.length + 1, sizeOf(others) + bytes];
  const isCrowded = (most: number, all: number) => isBeyondShare(most, all, all, 0);
  if (!isCrowded(max_runs, count) && !isCrowded(max_size, size)) return [];
  const known: KnownRun[] = [];
  // One after the other: each may be large.
  for (const one of others) known.push({ ...one, ...(await stateOf(one)) });
  const isHeld = ({ hasEnded, at }: KnownRun) => !hasEnded && Date.now() - at <= kept;
  const held = known.filter(isHeld);
  const own = held.filter((one) => one.owner === owner);
  const isNew = others.length === indexed.length;
  const takesTooMuch =
    isBeyondShare(max_size, sizeOf(held), sizeOf(own), bytes) ||
    (isNew && isBeyondShare(max_runs, held.length, own.length));
  if (own.length > 0 && takesTooMuch) throw full(held, `, ${own.length} of ${owner}`);
  const leaving: string[] = [];
  const isRoomy = () => count <= max_runs && size <= max_size;
  for (const mayGo of [({ hasEnded }: KnownRun) => hasEnded, (one: KnownRun) => !one.hasEnded && !isHeld(one)]) {
    const left = known.filter((one) => !leaving.includes(one.run));
    for (const one of surplusOf(left, (journal) => journal.owner, mayGo)) {
      if (isRoomy()) return leaving;
      leaving.push(one.run);
      count--;
      size -= one.bytes;
    }
  }
  if (isRoomy()) return leaving;
  throw full(held, '');
}

function full(held: readonly KnownRun[], more: string): Problem {
  const what = `there is no room for another journal: ${held.length} runs of the last day have not ended well${more}`;
  return new Problem('journal-full', what, 'raise max_runs or max_size of the agent journal, or resume these runs');
}

function sizeOf(runs: readonly IndexedRun[]): number {
  return runs.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** @param journal undefined if it is damaged */
export function stateOfRun(journal: StoredJournal | undefined): RunState {
  return { owner: journal?.owner ?? '', hasEnded: endedWell(journal) };
}

function endedWell(journal: StoredJournal | undefined): boolean {
  const last = journal?.lines.at(-1);
  if (last === undefined) return journal !== undefined;
  const { type, state } = readLine(last).entry;
  return type === 'run-finished' && (state === 'done' || state === 'nothing-to-do');
}
