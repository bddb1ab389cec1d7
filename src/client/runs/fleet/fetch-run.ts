/** Finds the journal of a run on the nodes that store it. */
import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { VerifiedJournal } from '../../../core/journal/verify.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import type { CliContext } from '../../cli/context.ts';
import { ambiguousId } from '../../cli/id-prefix.ts';
import type { Session } from '../../fleet/session.ts';
import { chooseCopy } from './choose-copy.ts';
import { findJournalNodes, listStored, readCopies } from './read-copies.ts';

/** What the search for a journal needs from its command. */
export interface JournalLookup {
  readonly session: Session;
  readonly catalogue: readonly Ddl[];
  readonly options: object;
  readonly context: Pick<CliContext, 'err' | 'signal'>;
}

/** A verified journal as a run's entries. */
export function entriesOf({ entries }: VerifiedJournal): JournalEntry[] {
  return entries as unknown as JournalEntry[];
}

/**
 * The journal of a run, by its whole id: every signature and the order of its lines were checked.
 * @param holders the nodes that store it, if they are known
 * @param lenient accept the available copies
 * @returns undefined if no node stores one that this operator may read
 * @throws Problem `bad-journal`, `journal-forked`, `journal-incomplete`
 */
export async function fetchRun(
  run: string,
  look: JournalLookup,
  { holders = [], lenient = false }: { readonly holders?: readonly string[]; readonly lenient?: boolean } = {},
): Promise<VerifiedJournal | undefined> {
  return await fetchRunFrom(run, await findJournalNodes(look.session, look.options, holders), look, lenient);
}

/** The same, from nodes that were already found. */
export async function fetchRunFrom(
  run: string,
  nodes: readonly FoundNode[],
  { session, catalogue, context }: JournalLookup,
  lenient: boolean,
): Promise<VerifiedJournal | undefined> {
  const { copies, failed } = await readCopies(run, nodes, session, catalogue, context.signal);
  for (const one of failed) context.err(`warning: ${one}`);
  if (copies.length === 0) return undefined;
  const { journal, warnings } = chooseCopy(run, copies, session.caller.trust, lenient);
  for (const one of warnings) context.err(`warning: ${one}`);
  return journal;
}

/** The whole id of the run on the nodes that begins with this text; undefined if none does. @throws Problem `usage` */
export async function findStoredRun(
  prefix: string,
  { session, catalogue, options, context }: JournalLookup,
): Promise<string | undefined> {
  if (prefix.length === 32) return prefix;
  const nodes = await findJournalNodes(session, options);
  const listing = await listStored(nodes, { limit: 100, prefix }, session, catalogue, context.signal);
  for (const one of listing.failed) context.err(`warning: ${one}`);
  const [only, ...others] = listing.runs;
  if (others.length > 0) throw ambiguousId(prefix, others.length + 1, 'run', 'mco-deploy runs --fleet');
  return only?.run;
}

/**
 * The entries of a run's journal on the nodes, for display: from the copies that could be read. Undefined if no node
 * has it.
 */
export async function fetchEntries(run: string, look: JournalLookup): Promise<readonly JournalEntry[] | undefined> {
  if (look.session.config.journal === 'local') return undefined;
  const journal = await fetchRun(run, look, { lenient: true });
  return journal === undefined ? undefined : entriesOf(journal);
}
