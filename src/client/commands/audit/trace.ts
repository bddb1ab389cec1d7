import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { joinEntries } from '../../../core/audit/show.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { loadClientConfig } from '../../../library/config/config.ts';
import { findRun, readJournal } from '../../runs/read-journal.ts';
import { fetchEntries } from '../../runs/fleet/fetch-run.ts';
import type { Session } from '../../fleet/session.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { checkRecords, type NodeRecords, type TraceFinding } from '../../../library/audit/check-records.ts';
import { gatherPages, type RecordQuery } from '../../../library/audit/gather-records.ts';
import { compareWithJournal } from '../../trace/checks.ts';
import { offsetOf, orderEntries, renderTrace, traceJson } from '../../trace/render.ts';

/** Milliseconds by which a node's clock may have been behind the operator's when the run began. */
const slack = 60 * 60_000;

/**
 * Gathers the records of a run from every node that allows it, checks every signature and compares them with the
 * operator's journal. Exit code 2 when they disagree, 5 when a node of the run could not be asked, or is missing if no
 * journal names the nodes of the run.
 */
export async function traceRun(
  { run: typed, options }: { run: string; options: CommonOptions },
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const { stateDirectory } = await loadClientConfig(options.config, context.env);
  // Nodes are asked for the whole id of a run that this host does not know.
  const run = /^[0-9a-f]{32}$/.test(typed) ? typed : await findRun(stateDirectory, typed);
  const ddl = requireDdl(catalogue, 'audit');
  return overNodes(options, nodesOf(options, 'audit'), context, async (findings, session) => {
    const journal =
      (await readJournal(session.config.stateDirectory, run, context.err)) ??
      (await fetchEntries(run, { session, catalogue, options, context }));
    const since = journal?.[0] === undefined ? undefined : new Date(journal[0].at - slack).toISOString();
    const answers = await Promise.all(
      findings.nodes.map((node) => gather(node, ddl, { run, ...(since === undefined ? {} : { since }) }, session)),
    );
    const readable = answers.filter((one) => 'lines' in one);
    const checked = readable
      .map((one) => checkRecords(one, session.caller.trust))
      .map(({ records, ...one }) => ({ ...one, entries: joinEntries(records.map(({ record }) => record)) }));
    const unasked = [...answers.filter((one) => 'code' in one), ...absent(journal, answers)];
    const compared = journal === undefined ? [] : compareWithJournal(journal, checked);
    const unrecorded = compared.filter(({ admitted }) => admitted === true);
    const wrong = [...checked.flatMap((one) => one.findings), ...compared.filter(({ admitted }) => admitted !== true)];
    const offsets = new Map(checked.map(({ node, entries }) => [node, offsetOf(entries)]));
    const entries = orderEntries(
      checked.flatMap((one) => one.entries),
      offsets,
    );
    const trace = { run, journal: journal !== undefined, entries, offsets, findings: wrong, unrecorded, unasked };
    if (options.json === true) context.out(JSON.stringify(traceJson(trace), null, 2));
    else for (const line of renderTrace(trace)) context.out(line);
    if (wrong.length > 0) return exitCode.someFailed;
    if (unasked.length > 0) return exitCode.someSilent;
    // Without a journal, any missing node may have been part of the run.
    const missing = journal === undefined ? findings.silent.length + findings.broken.length : 0;
    if (findings.nodes.length > 0) return missing > 0 ? exitCode.someSilent : exitCode.ok;
    return missing > 0 ? exitCode.nobodyReplied : exitCode.nothingDiscovered;
  });
}

/** All pages of a node's records of a run, or why it did not return them. */
async function gather(
  node: FoundNode,
  ddl: Ddl,
  query: RecordQuery,
  session: Session,
): Promise<NodeRecords | TraceFinding> {
  const lines: string[] = [];
  const certificates = new Set<string>();
  for await (const page of gatherPages(node, ddl, query, session, session.environment.signal)) {
    if ('code' in page) return page;
    lines.push(...page.lines);
    for (const one of page.certificates) certificates.add(one);
  }
  return { node: node.name, lines, certificates: [...certificates] };
}

/** Nodes that the journal says were called, and that were not found now. */
function absent(journal: readonly JournalEntry[] | undefined, answers: readonly { node: string }[]): TraceFinding[] {
  const called = new Set(journal?.flatMap((entry) => (entry.type === 'call' ? entry.nodes : [])));
  for (const { node } of answers) called.delete(node);
  const message = 'it was called in this run and does not offer its audit log now (agent “audit”)';
  return [...called].sort().map((node) => ({ node, code: 'not-asked', message }));
}
