/** The runs that nodes know, from any machine. */
import { explain, Problem } from '../../../core/errors.ts';
import type { VerifiedJournal } from '../../../core/journal/verify.ts';
import { isObject } from '../../../core/json.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import type { JournalLookup } from './fetch-run.ts';
import { proveJournal } from './prove-journal.ts';
import { type ListedRun, listStored, readCopies } from './read-copies.ts';

export interface FleetRun {
  readonly run: string;
  readonly journal: VerifiedJournal;
  /** Whether a node keeps a lease of it; undefined if none of them reports its leases. */
  readonly isHeld: boolean | undefined;
}

export interface FleetRuns {
  readonly runs: readonly FleetRun[];
  /** NODE: REASON of those that did not return the requested data. */
  readonly failed: readonly string[];
}

/**
 * Reads the latest runs, each from the node with the longest journal. Each is read once.
 * @param isWanted which of them are read; all if omitted
 */
export function startFleetRuns(
  limit: number,
  look: JournalLookup,
  isWanted: (listed: ListedRun) => boolean = () => true,
): (nodes: readonly FoundNode[]) => Promise<FleetRuns> {
  const known = new Map<string, { readonly sequence: number; readonly journal: VerifiedJournal }>();
  const { session, catalogue, context } = look;
  const load = async (listed: ListedRun, nodes: readonly FoundNode[], failed: string[]) => {
    const before = known.get(listed.run);
    if (before?.sequence === listed.sequence) return before.journal;
    const from = nodes.filter(({ name }) => name === listed.node);
    const { copies, failed: unread } = await readCopies(listed.run, from, session, catalogue, context.signal);
    failed.push(...unread);
    const [copy] = copies;
    if (copy === undefined) return undefined;
    try {
      const journal = proveJournal(listed.run, copy.lines, session.caller.trust);
      known.set(listed.run, { sequence: listed.sequence, journal });
      return journal;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failed.push(`the journal of run ${listed.run} on ${listed.node} is not accepted: ${explain(error)}`);
      return undefined;
    }
  };
  return async (nodes) => {
    const [listing, leased] = await Promise.all([
      listStored(nodes, { limit }, session, catalogue, context.signal),
      readLeasedRuns(nodes, look),
    ]);
    const failed = [...listing.failed];
    const runs = await Promise.all(
      listing.runs
        .filter(isWanted)
        .map(async (listed) => ({ run: listed.run, journal: await load(listed, nodes, failed) })),
    );
    return {
      runs: runs.flatMap(({ run, journal }) =>
        journal === undefined ? [] : [{ run, journal, isHeld: leased?.has(run) }],
      ),
      failed,
    };
  };
}

/** The runs that hold a lease; undefined if no node reports any. */
export async function readLeasedRuns(
  nodes: readonly FoundNode[],
  { session, catalogue, context }: JournalLookup,
): Promise<ReadonlySet<string> | undefined> {
  const ddl = requireDdl(catalogue, 'lock');
  const outcomes = await callNodes({ ddl, action: 'list', input: () => ({}) }, nodes, session, context.signal);
  const replies = outcomes.filter(({ outcome }) => outcome === 'ok');
  if (replies.length === 0) return undefined;
  const leases = replies.flatMap(({ data }) => (Array.isArray(data.leases) ? (data.leases as unknown[]) : []));
  return new Set(leases.flatMap((lease) => (isObject(lease) && typeof lease.run === 'string' ? [lease.run] : [])));
}
