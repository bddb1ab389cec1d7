/** The runs that can be undone, from this host and from the nodes. */
import { Problem } from '../../../core/errors.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { compareJournals } from '../../runs/fleet/compare.ts';
import { fetchRunFrom, type JournalLookup } from '../../runs/fleet/fetch-run.ts';
import { findRunAnywhere } from '../../runs/fleet/find-run.ts';
import { findJournalNodes, listStored } from '../../runs/fleet/read-copies.ts';
import { datedJournals, readJournal } from '../../runs/read-journal.ts';

export interface KnownRun {
  readonly id: string;
  readonly entries: readonly JournalEntry[];
}

/** How many of the latest journals are searched: on this host, and on the nodes. */
const most = 1000;
const mostStored = 100;

/** One run, by its id or the beginning of it. @throws Problem `unknown-run`, `usage`, … */
export async function* namedRun(id: string, look: JournalLookup): AsyncGenerator<KnownRun> {
  const { run, entries } = await findRunAnywhere(id, look, { lenient: false });
  yield { id: run, entries };
}

/**
 * The runs with the latest entries, the latest first. @throws Problem if one cannot be read whole: it may be the wanted
 * one
 */
export async function* latestRuns(look: JournalLookup): AsyncGenerator<KnownRun> {
  const { session, catalogue, options, context } = look;
  const { stateDirectory, journal } = session.config;
  const here = await datedJournals(stateDirectory, most);
  const nodes = journal === 'local' ? [] : await findJournalNodes(session, options);
  const listing = await listStored(nodes, { limit: mostStored }, session, catalogue, context.signal);
  for (const one of listing.failed) context.err(`warning: ${one}`);
  const stored = listing.runs.map(({ run, at }) => ({ id: run, at }));
  const latest = new Map<string, number>();
  for (const { id, at } of [...here, ...stored]) latest.set(id, Math.max(at, latest.get(id) ?? 0));
  for (const [id] of [...latest].sort((a, b) => b[1] - a[1])) {
    const isStored = stored.some((one) => one.id === id);
    yield { id, entries: await readOne(id, isStored ? nodes : [], look) };
  }
}

async function readOne(id: string, nodes: readonly FoundNode[], look: JournalLookup): Promise<readonly JournalEntry[]> {
  const { stateDirectory } = look.session.config;
  try {
    const stored = nodes.length === 0 ? undefined : await fetchBelieved(id, nodes, look);
    const refuse = (warning: string) => {
      throw new Problem('bad-journal', warning.replace(/^warning: /, ''));
    };
    // A whole journal on nodes replaces a damaged file here.
    const local = await readJournal(stateDirectory, id, stored === undefined ? refuse : () => {});
    return compareJournals(local, stored).entries;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem(error.code, error.message, 'it may be the run to undo: name the run with --run');
  }
}

/** An invention of a single node must not keep a run from being undone. */
async function fetchBelieved(id: string, nodes: readonly FoundNode[], look: JournalLookup) {
  try {
    return await fetchRunFrom(id, nodes, look, true);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'bad-journal') throw error;
    look.context.err(`warning: ${error.message}`);
    return undefined;
  }
}
