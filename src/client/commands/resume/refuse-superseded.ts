import { Problem } from '../../../core/errors.ts';
import { count, listNames } from '../../../core/text.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { entriesOf, type JournalLookup } from '../../runs/fleet/fetch-run.ts';
import type { FoundRun } from '../../runs/fleet/find-run.ts';
import { startFleetRuns } from '../../runs/fleet/fleet-runs.ts';
import { findJournalNodes } from '../../runs/fleet/read-copies.ts';
import { begunAt, findLater, type LaterRun, nodesOf } from '../../runs/later-changes.ts';
import { askPerson, isOnTerminal } from '../../runs/prompts.ts';
import { datedJournals, readJournal } from '../../runs/read-journal.ts';
import { formatInputs } from '../../runs/record.ts';
import type { CliContext } from '../../cli/context.ts';
import type { ResumeOptions } from './options.ts';

/** How many of the latest runs that nodes store are compared. */
const most = 100;
/** Milliseconds by which the clock of a node may be behind: what it stored is compared by the entries of the run. */
const mostSkew = 60_000;
/** Names of hosts in a message. */
const mostNamed = 5;

type Look = JournalLookup & { readonly context: CliContext };

/**
 * A run that failed before a later one completed would put the earlier state back. It continues only if its operator
 * wants that.
 * @param agreed the id of the later run that its operator knows of
 * @returns the id of the later run that its operator agreed to undo
 * @throws Problem `run-superseded`, `not-agreed`
 */
export async function refuseSuperseded(
  found: FoundRun,
  options: ResumeOptions,
  look: Look,
  agreed?: string,
): Promise<string | undefined> {
  if (options.superseded === true) return undefined;
  const journals = [...(await localSince(found, look)), ...(await storedSince(found, options, look))];
  const [last, ...others] = findLater(found.entries, journals, look.catalogue);
  if (last === undefined || last.run === agreed) return undefined;
  const what = describe(last, others.length);
  const { context } = look;
  if (options.yes === true || !isOnTerminal(context)) {
    const hint = `start a new run instead; to resume this one all the same, add --superseded`;
    throw new Problem('run-superseded', `${what}; this run might undo that`, hint);
  }
  if (await askPerson(`${what}. Resume all the same, even if it undoes that?`, context.signal, context))
    return last.run;
  throw new Problem('not-agreed', 'nothing was changed', 'start a new run instead');
}

function describe({ run, playbook, inputs, operator, hosts }: LaterRun, others: number): string {
  const more = others === 0 ? '' : ` (and ${count(others, 'other run')})`;
  const call = `${playbook} ${formatInputs(inputs)}`.trimEnd();
  return `a later run${more} has changed ${listNames(hosts, mostNamed)} since: ${run.slice(0, 8)}, ${call}, by ${operator}`;
}

async function localSince({ entries }: FoundRun, { session, context }: Look): Promise<readonly JournalEntry[][]> {
  const { stateDirectory } = session.config;
  const since = begunAt(entries);
  const dated = await datedJournals(stateDirectory, Number.POSITIVE_INFINITY);
  const journals: JournalEntry[][] = [];
  for (const { id } of dated.filter(({ at }) => at > since)) {
    try {
      journals.push((await readJournal(stateDirectory, id, () => {})) ?? []);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      context.err(`warning: ${error.message}`);
    }
  }
  return journals;
}

/** From the nodes of the run: a later run of another host has stored its journal on nodes that both know. */
async function storedSince(
  { entries }: FoundRun,
  options: ResumeOptions,
  look: Look,
): Promise<readonly (readonly JournalEntry[])[]> {
  const mode = options.journal ?? look.session.config.journal;
  const concerned = [...nodesOf(entries)];
  if (mode === 'local' || concerned.length === 0) return [];
  const nodes = await findJournalNodes(look.session, look.options, concerned);
  if (nodes.length === 0) return [];
  const since = begunAt(entries);
  const { runs, failed } = await startFleetRuns(most, look, ({ at }) => at > since - mostSkew)(nodes);
  if (failed.length > 0) look.context.err(`warning: later runs are not known from ${listNames(failed, mostNamed)}`);
  return runs.map(({ journal }) => entriesOf(journal));
}
