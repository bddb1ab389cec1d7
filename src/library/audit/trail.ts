import type { Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { isProblemCode } from '../../core/problems/index.ts';
import type { AuditEntry, AuditOptions } from '../api.ts';
import { orCancelled } from '../cancelled.ts';
import type { Session } from '../fleet/session.ts';
import { requireDdl } from '../fleet/agents.ts';
import { targetsOf } from '../targets.ts';
import { checkRecords, type NodeRecords, type TraceFinding } from './check-records.ts';
import { gatherPages } from './gather-records.ts';

/**
 * The records of nodes' audit logs, node after node, with one page of each in memory at a time.
 * @throws Problem when a node refuses, or a record is invalid: with the node's name
 */
export async function* readTrail(
  { on = {}, run, request, since, ...options }: AuditOptions,
  session: Session,
  catalogue: readonly Ddl[],
  signal: AbortSignal,
): AsyncGenerator<AuditEntry> {
  const ddl = requireDdl(catalogue, 'audit');
  const query = {
    ...(run === undefined ? {} : { run }),
    ...(request === undefined ? {} : { request }),
    ...(since === undefined ? {} : { since: since.toISOString() }),
  };
  const { nodes } = await orCancelled(signal, () => session.find(targetsOf(on, options, 'audit'), { signal }));
  try {
    for (const node of nodes) {
      for await (const page of gatherPages(node, ddl, query, session, signal)) yield* entriesOf(page, session);
    }
  } finally {
    session.release(nodes);
  }
}

function* entriesOf(page: NodeRecords | TraceFinding, session: Session): Generator<AuditEntry> {
  if ('code' in page) throw problemOf(page);
  const { records, findings } = checkRecords(page, session.caller.trust);
  for (const { record, line } of records) {
    const { node, sequence, time, kind } = record;
    yield { node, sequence, time, kind, line, record: record as unknown as AuditEntry['record'] };
  }
  if (findings[0] !== undefined) throw problemOf(findings[0]);
}

function problemOf({ node, code, message }: TraceFinding): Problem {
  return new Problem(isProblemCode(code) ? code : 'bad-reply', `the audit log of ${node}: ${message}`);
}
