import { type Ddl, sensitiveInputs } from '../../../core/ddl/ddl.ts';
import { callDefaults, newId } from '../../../core/request/request.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { callNode } from '../../fleet/call-node.ts';
import type { Session } from '../../fleet/session.ts';
import { requireDdl } from '../../fleet/agents.ts';
import type { HeldLease } from '../lease.ts';
import type { JournalLease } from './journaling.ts';

/** How nodes store the journal of a run under its lease. @param holders nodes on which the run holds it */
export function journalUnder(
  lease: Pick<HeldLease, 'name' | 'fenceOf'>,
  holders: readonly FoundNode[],
  runId: string,
  { session, catalogue }: { readonly session: Session; readonly catalogue: readonly Ddl[] },
): JournalLease {
  const ddl = requireDdl(catalogue, 'journal');
  const nodes = new Map(holders.map((node) => [node.name, node]));
  const timeout = session.config.timeout * 1000;
  const signal = new AbortController().signal;
  const sensitive = sensitiveInputs(ddl.actions.append as never);
  return {
    name: lease.name,
    candidates: holders
      .filter(({ description }) => description.agents.some(({ name }) => name === ddl.name))
      .map(({ name }) => name),
    append: async (name, input, dryRun) => {
      const node = nodes.get(name);
      if (node === undefined) return outsideOf(name);
      const request = { requestId: newId(), target: name, agent: ddl.name, action: 'append', dryRun, runId };
      const stamp = { lease: lease.name, fence: lease.fenceOf(name) ?? 0 };
      return await callNode(
        node.connection,
        { ...callDefaults, ...request, ...stamp, input: { ...input }, sensitive },
        session.caller,
        { timeout, changes: true, onProgress: () => {}, signal },
      );
    },
  };
}

function outsideOf(node: string) {
  const message = 'the run does not hold its lease there';
  return { node, outcome: 'refused', status: 5, code: 'not-leased', message, hint: '', data: {}, elapsed: 0 } as const;
}
