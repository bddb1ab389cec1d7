/** Asks nodes for the journals that they store. */
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { noFilter } from '../../../core/filter/filter.ts';
import type { JournalLine } from '../../../core/journal/line.ts';
import { isObject, type JsonObject } from '../../../core/json.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { callFoundNode, callNodes } from '../../../library/fleet/call-nodes.ts';
import type { Session } from '../../fleet/session.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import type { JournalCopy } from './choose-copy.ts';

/** Of a run that a node lists. */
export interface ListedRun {
  readonly run: string;
  readonly node: string;
  readonly sequence: number;
  /** Milliseconds since the epoch of its last entry. */
  readonly at: number;
}

export interface Listing {
  readonly runs: readonly ListedRun[];
  /** NODE: REASON of those that returned no list. */
  readonly failed: readonly string[];
}

/** The maximum number of pages of a journal. */
const mostPages = 200;

/**
 * The nodes that run the agent journal.
 * @param options of the command: the source of nodes
 * @param identities only these, if they are known
 */
export async function findJournalNodes(
  session: Session,
  options: object,
  identities: readonly string[] = [],
): Promise<readonly FoundNode[]> {
  const filter = { ...noFilter, agents: ['journal'], identities: [...identities] };
  const { nodes } = await session.find({ ...readTargetOptions(options), takesList: false, limit: undefined, filter });
  return nodes;
}

/** The runs whose journals the nodes store, each from the node with the longest one. */
export async function listStored(
  nodes: readonly FoundNode[],
  { limit, prefix = '' }: { readonly limit: number; readonly prefix?: string },
  session: Session,
  catalogue: readonly Ddl[],
  signal: AbortSignal,
): Promise<Listing> {
  const ddl = requireDdl(catalogue, 'journal');
  const input = () => ({ limit: Math.min(limit, 100), prefix });
  const outcomes = await callNodes({ ddl, action: 'list', input }, nodes, session, signal);
  const all = outcomes.flatMap(({ node, outcome, data }) =>
    outcome === 'ok' && Array.isArray(data.runs) ? data.runs.flatMap((one) => parseListed(node, one)) : [],
  );
  const runs = [...Map.groupBy(all, ({ run }) => run).values()].map((copies) =>
    copies.reduce((most, one) => (one.sequence > most.sequence ? one : most)),
  );
  const failed = outcomes.filter(({ outcome }) => outcome !== 'ok').map(({ node, message }) => `${node}: ${message}`);
  return { runs: runs.sort((a, b) => b.at - a.at).slice(0, limit), failed };
}

function parseListed(node: string, value: unknown): ListedRun[] {
  if (!isObject(value)) return [];
  const { run, sequence, at } = value;
  if (typeof run !== 'string' || typeof sequence !== 'number' || typeof at !== 'number') return [];
  return [{ run, node, sequence, at }];
}

function linesIn(value: unknown): JournalLine[] {
  const list: unknown[] = Array.isArray(value) ? value : [];
  return list.flatMap((line) =>
    isObject(line) && typeof line.text === 'string' && typeof line.signature === 'string'
      ? [{ text: line.text, signature: line.signature }]
      : [],
  );
}

/** The journal of the run on each node; a node that has none, or may not be read, is omitted. */
export async function readCopies(
  run: string,
  nodes: readonly FoundNode[],
  session: Session,
  catalogue: readonly Ddl[],
  signal: AbortSignal,
): Promise<{ readonly copies: readonly JournalCopy[]; readonly failed: readonly string[] }> {
  const ddl = requireDdl(catalogue, 'journal');
  const failed: string[] = [];
  const copies = await Promise.all(
    nodes.map(async (node): Promise<JournalCopy[]> => {
      const lines: JournalLine[] = [];
      for (let page = 0; page < mostPages; page++) {
        const input: JsonObject = { run, after: lines.length };
        const { outcome, code, message, data } = await callFoundNode(
          { ddl, action: 'read', input },
          node,
          session,
          signal,
        );
        if (code === 'unknown-run') return [];
        if (outcome !== 'ok') {
          failed.push(`${node.name}: ${message}`);
          return [];
        }
        const some = linesIn(data.lines);
        lines.push(...some);
        if (some.length === 0 || lines.length >= Number(data.sequence)) return [{ node: node.name, lines }];
      }
      failed.push(`${node.name}: its journal does not end`);
      return [];
    }),
  );
  return { copies: copies.flat(), failed };
}
