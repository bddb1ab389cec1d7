/** Stores a run's journal on nodes, from the moment on which the run holds its lease. */
import { explain, Problem } from '../../../core/errors.ts';
import type { JournalLine, StoredOn } from '../../../core/journal/line.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Credentials } from '../../../core/credentials/signature.ts';
import type { JournalEntry, PlaybookTexts } from '../../../playbook/journal/entries.ts';
import type { AppendTo } from './append.ts';
import { chooseHolders } from './holders.ts';
import { startKeeping } from './kept-entries.ts';
import { type FleetJournal, majorityOf, startFleetJournal } from './writer.ts';

export type JournalMode = 'auto' | 'required' | 'local';

/** The journal of a resumed run on nodes, and the entries that they lack. */
export interface StoredHistory {
  /** Undefined if no node stores it yet. */
  readonly stored: { readonly on: StoredOn; readonly lines: readonly JournalLine[] } | undefined;
  /** Entries after these lines. */
  readonly backlog: readonly JournalEntry[];
}

export interface JournalingOptions {
  readonly runId: string;
  readonly mode: JournalMode;
  readonly history: StoredHistory | undefined;
  /** The playbook's text; undefined if it may not be recorded. */
  readonly texts: PlaybookTexts | undefined;
  readonly credentials: () => Credentials;
  readonly warn: (line: string) => void;
  /** Writes an entry to the journal on this host, and passes it to {@link Journaling.note}. */
  readonly write: (entry: object) => Promise<void>;
}

/** A lease that the run holds, as far as its journal is concerned. */
export interface JournalLease {
  readonly name: string;
  /** The nodes that run the agent journal. */
  readonly candidates: readonly string[];
  /** Calls `journal.append` under this lease. */
  readonly append: AppendTo;
}

export interface Journaling {
  /** Call it with each entry, in order. */
  readonly note: (entry: JournalEntry) => void;
  /** Call it once the run holds a lease; only the first counts. */
  readonly open: (lease: JournalLease) => void;
  /** Resolves when it may be carried out. @throws Problem `journal-not-stored`, `journal-required` */
  readonly beforeChange: (entry: JournalEntry) => Promise<void>;
  /** For a person: where the journal is stored. */
  readonly describe: () => Promise<string>;
  readonly close: () => Promise<void>;
}

export function startJournaling(options: JournalingOptions): Journaling {
  const { mode, history, warn } = options;
  const isKept = startKeeping();
  const waiting: JournalEntry[] = [...(history?.backlog ?? [])];
  /** Requests that changed something. */
  const changes = new Set<string>();
  let reason = 'the run holds no lease';
  let journal: FleetJournal | undefined;
  let opening: Promise<void> | undefined;
  const openOn = async (lease: JournalLease) => {
    const chosen = await choose(options, lease);
    if ('reason' in chosen) {
      reason = chosen.reason;
      if (mode === 'auto' && lease.candidates.length > 0) warn(`warning: no node stores the journal: ${reason}`);
      return;
    }
    const { stored, lines } = chosen;
    journal = startFleetJournal({ ...options, run: options.runId, stored, lines, append: lease.append });
    for (const entry of waiting.splice(0)) journal.add(entry);
    if (lines.length > 0) return;
    const stamp = { at: Date.now(), runId: options.runId };
    await options.write({ ...stamp, type: 'journal-stored', ...stored });
    if (options.texts !== undefined) await options.write({ ...stamp, type: 'playbook', tree: options.texts });
  };
  return {
    note: (entry) => {
      if (mode === 'local' || !isKept(entry)) return;
      if (entry.type === 'call' && entry.changes) changes.add(entry.requestId);
      if (journal === undefined) waiting.push(entry);
      else journal.add(entry as unknown as JsonObject, 'requestId' in entry && changes.has(entry.requestId));
    },
    open: (lease) => {
      if (mode === 'local') return;
      opening ??= openOn(lease);
      // The next caller that waits for it reports the fault.
      opening.catch(() => {});
    },
    beforeChange: async (entry) => {
      if (mode === 'local' || entry.type !== 'call' || !entry.changes || entry.step === '') return;
      await opening;
      if (journal !== undefined) return await journal.settle();
      if (mode === 'auto') return;
      throw new Problem('journal-required', `no node stores the journal of the run: ${reason}`);
    },
    describe: async () => {
      if (mode === 'local') return 'journal: on this host alone, as configured';
      await opening?.catch((error: unknown) => {
        reason = explain(error);
      });
      if (journal === undefined) return `journal: on this host alone: ${reason}`;
      const { holders } = journal;
      const before = holders.length === 1 ? '' : `, on ${majorityOf(holders.length)} of them before each change`;
      return `journal: also on ${holders.join(', ')}${before}`;
    },
    close: async () => {
      await opening?.catch(() => {});
      await journal?.close();
    },
  };
}

type Chosen = { readonly stored: StoredOn; readonly lines: readonly JournalLine[] } | { readonly reason: string };

/** A resumed run keeps the nodes that store its journal. */
async function choose({ history }: JournalingOptions, { name, candidates, append }: JournalLease): Promise<Chosen> {
  if (history?.stored !== undefined) return { stored: history.stored.on, lines: history.stored.lines };
  if (candidates.length === 0) return { reason: 'no node of the run runs the agent journal' };
  const { holders, refused } = await chooseHolders(candidates, append);
  if (holders.length > 0) return { stored: { lease: name, holders }, lines: [] };
  return { reason: refused.join('; ') };
}
