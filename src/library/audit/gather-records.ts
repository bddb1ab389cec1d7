import type { Ddl } from '../../core/ddl/ddl.ts';
import type { JsonObject } from '../../core/json.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { callFoundNode } from '../fleet/call-nodes.ts';
import type { Session } from '../fleet/session.ts';
import type { NodeRecords, TraceFinding } from './check-records.ts';

/** Selects records: of a run or a request, and not before a time (ISO 8601). */
export interface RecordQuery extends JsonObject {
  readonly run?: string;
  readonly request?: string;
  readonly since?: string;
}

/**
 * The records of a node's audit log, a page at a time, or why it does not return them.
 * @param ddl of the agent `audit`
 */
export async function* gatherPages(
  node: FoundNode,
  ddl: Ddl,
  query: RecordQuery,
  session: Session,
  signal: AbortSignal,
): AsyncGenerator<NodeRecords | TraceFinding> {
  for (let after = 0; ; ) {
    const outcome = await callFoundNode({ ddl, action: 'records', input: { ...query, after } }, node, session, signal);
    const { code, message, data } = outcome;
    if (outcome.outcome !== 'ok') {
      yield { node: node.name, code, message };
      return;
    }
    const { lines, certificates, next } = data;
    if (!areTexts(lines) || !areTexts(certificates)) {
      yield { node: node.name, code: 'bad-reply', message: 'it returned no records' };
      return;
    }
    yield { node: node.name, lines, certificates };
    if (typeof next !== 'number' || next <= after) return;
    after = next;
  }
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
