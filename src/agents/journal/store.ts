import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../core/errors.ts';
import { FailedReply, replyStatus } from '../../core/request/reply.ts';
import { followLines, hashText, type JournalLine, journalStart, readLine } from '../../core/journal/line.ts';
import type { JournalConfig } from './config.ts';
import { chooseOldest } from './rotate.ts';
import { type ListedRun, openRunIndex } from './run-index.ts';
import { appendStored, formatStored, readStored, type StoredJournal } from './stored.ts';

/** The lines to append. */
export interface Addition {
  readonly run: string;
  readonly caller: string;
  /** The lease that the caller's run holds. */
  readonly lease: string;
  readonly after: number;
  readonly lines: readonly JournalLine[];
  /** Hash of the last line. */
  readonly head: string;
}

/** The journals of this node. Additions must not run at the same time. */
export interface JournalStore {
  /**
   * @returns the number of lines afterwards @throws Problem `not-leased`, `journal-gap`, `journal-forked`,
   * `journal-full`, …
   */
  readonly append: (addition: Addition, dryRun: boolean) => Promise<number>;
  /** @throws Problem `unknown-run`, `bad-journal` */
  readonly read: (run: string) => Promise<StoredJournal>;
  /**
   * The latest first; one whose file is damaged is omitted. @param most the maximum number of those whose ids begin
   * with this
   */
  readonly list: (prefix: string, most: number) => Promise<readonly ListedRun[]>;
}

/** Journals that are kept in memory, for running runs. */
const mostOpen = 8;

export async function openStore(directory: string, config: JournalConfig): Promise<JournalStore> {
  const open = new Map<string, StoredJournal>();
  const fileOf = (run: string) => join(directory, `${run}.jsonl`);
  const readKnown = async (run: string) => open.get(run) ?? (await readStored(run, fileOf(run)));
  const index = await openRunIndex(directory, readKnown);
  const read = async (run: string) => {
    if (!index.has(run)) throw new Problem('unknown-run', `there is no journal of the run ${run} here`);
    return await readKnown(run);
  };
  const makeRoom = async (run: string, bytes: number, owner: string) => {
    for (const other of await chooseOldest(index.all(), { run, bytes, owner }, config, index.stateOf)) {
      await rm(fileOf(other), { force: true });
      index.remove(other);
      open.delete(other);
    }
  };
  const append: JournalStore['append'] = async (addition, dryRun) => {
    const { run, caller } = addition;
    const before = index.has(run) ? await read(run) : { owner: caller, lines: [], end: journalStart, bytes: 0 };
    const added = judge(before, addition);
    if (dryRun || added.length === 0) return before.end.sequence;
    const { owner } = before;
    const text = formatStored(added, before.bytes === 0 ? owner : undefined);
    const bytes = before.bytes + Buffer.byteLength(text);
    if (bytes > config.max_run_size) throw full(config.max_run_size);
    await makeRoom(run, bytes, owner);
    try {
      await appendStored(fileOf(run), directory, text, before.bytes);
    } catch (error) {
      // The current file is read again before anything is appended.
      open.delete(run);
      throw error;
    }
    const end = followLines(run, before.end, added);
    const journal = { owner, lines: [...before.lines, ...added], end, bytes };
    keepOpen(open, run, journal);
    index.record(run, journal);
    return end.sequence;
  };
  const list: JournalStore['list'] = async (prefix, most) => {
    const matching = index.all().filter(({ run }) => run.startsWith(prefix));
    const latest = matching.sort((a, b) => b.at - a.at).slice(0, most);
    return (await Promise.all(latest.map(index.count))).flat();
  };
  return { append, read, list };
}

/** Keeps a journal in memory, and only the latest ones. */
function keepOpen(open: Map<string, StoredJournal>, run: string, journal: StoredJournal): void {
  open.delete(run);
  open.set(run, journal);
  for (const oldest of open.keys()) if (open.size > mostOpen) open.delete(oldest);
}

/** The lines that the node does not have yet. */
function judge(before: StoredJournal, { run, lease, after, lines, head }: Addition): readonly JournalLine[] {
  const [first] = before.lines.length > 0 ? before.lines : lines;
  const named = first === undefined ? undefined : readLine(first).stored?.lease;
  if (lease === '' || (named !== undefined && named !== lease)) {
    const what = named === undefined ? 'the request names no lease' : `the journal belongs to the lease “${named}”`;
    throw new Problem('not-leased', `${what}: nothing was stored`);
  }
  const { sequence } = before.end;
  if (after > sequence) {
    throw new FailedReply('journal-gap', `the journal has ${sequence} lines here`, replyStatus.failed, { sequence });
  }
  const base = after === 0 ? journalStart : { sequence: after, hash: hashText(before.lines[after - 1]?.text ?? '') };
  if (lines.length > 0 && readLine(lines[0] as JournalLine).previous !== base.hash) throw forked(after + 1);
  const end = followLines(run, base, lines);
  if (end.hash !== head) throw new Problem('bad-journal', 'the lines do not end with the hash that was signed');
  for (const [index, { text }] of lines.entries()) {
    const known = before.lines[after + index];
    if (known !== undefined && known.text !== text) throw forked(after + index + 1);
  }
  return lines.slice(Math.max(0, sequence - after));
}

function full(most: number): Problem {
  return new Problem('journal-full', `the journal of one run may have ${most} bytes here`);
}

function forked(sequence: number): Problem {
  return new Problem('journal-forked', `another line ${sequence} of this journal is stored here`);
}
