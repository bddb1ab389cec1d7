import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../core/request/reply.ts';
import { newId } from '../../core/request/request.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { LeaseRequest, PlaybookPorts } from '../../playbook/ports.ts';
import { requireDdl } from '../fleet/agents.ts';
import { journalUnder } from './fleet/under-lease.ts';
import { type KeptNotice, startNotice } from './interruption-notice.ts';
import { type HeldLease, takeLease } from './lease.ts';
import { probe } from './probe.ts';
import { callOutsideSteps, callAll } from './call.ts';
import { discoverNodes } from './discover.ts';
import type { Locking, PortParts } from './port-parts.ts';

/** Results of a run beside its report. */
export interface RunSeen {
  readonly outcomes: readonly Pick<Outcome, 'outcome'>[];
}

/** The ports, and their results after the run. */
export interface LivePorts extends PlaybookPorts {
  readonly seen: () => RunSeen;
  readonly release: () => Promise<void>;
}

/** The ports of the playbook engine, over real nodes. */
export function playbookPorts(parts: PortParts): LivePorts {
  const { session, catalogue, journal, locking } = parts;
  const nodes = new Map<string, FoundNode>();
  const outcomes: Outcome[] = [];
  const leases: HeldLease[] = [];
  const notices: KeptNotice[] = [];
  const take = async (request: LeaseRequest, { onLost, ...locking }: Locking) => {
    // If a lease that the run holds were taken again, earlier requests under it would become invalid.
    const isHeld = (node: string) =>
      leases.some(({ name, fenceOf }) => name === request.name && fenceOf(node) !== undefined);
    const unheld = request.nodes.filter((node) => !isHeld(node));
    // A lease that cannot be recorded is not taken; one that is held is still renewed and released.
    const askOne = callOutsideSteps('lock', request.runId, parts, nodes, (action) => action === 'take');
    const ask: typeof askOne = async (...asked) => {
      const outcome = await askOne(...asked);
      if (outcome.outcome === 'refused') outcomes.push(outcome);
      return outcome;
    };
    const lease = await takeLease({ ...locking, ...request, ttl: session.config.lease, nodes: unheld, ask });
    lease.lost.addEventListener('abort', () => onLost(lease.lost.reason), { once: true });
    leases.push(lease);
    const holders = unheld.flatMap((name) => nodes.get(name) ?? []);
    journal.stored.open(journalUnder(lease, holders, request.runId, parts));
  };
  return {
    operator: session.caller.credentials.identity.name,
    now: Date.now,
    newId,
    sleep: async (milliseconds, signal) => {
      await sleep(milliseconds, undefined, { signal }).catch(() => {});
    },
    emit: (event) => {
      parts.emit(event);
      if (event.type === 'step-finished') for (const notice of notices) notice.refresh();
    },
    ...parts.asking,
    probe,
    inputSources: { env: parts.env, defaults: session.config.inputs },
    journal: async (entry) => {
      // Both at once: the slower of the two decides how long this takes.
      await Promise.all([journal.write(entry), journal.stored.beforeChange(entry)]);
    },
    seen: () => ({ outcomes }),
    release: async () => {
      // Nodes take its last lines only while it holds the lease.
      await journal.stored.close();
      await Promise.all([...leases.map((lease) => lease.release()), ...notices.map((notice) => notice.withdraw())]);
    },
    ...(locking === undefined ? {} : { takeLease: (request: LeaseRequest) => take(request, locking) }),
    keepNotice: async (notice) => {
      const ask = callOutsideSteps('angelia', notice.runId, parts, nodes, () => false);
      notices.push(
        await startNotice({
          ...notice,
          hold: session.config.lease,
          ask: (node, input) => ask(node, 'sendmsg', input),
          warn: parts.warn,
        }),
      );
    },
    discover: async (query) => await discoverNodes(query, parts, nodes),
    call: async (call, onOutcome, signal) => {
      const onProgress = (node: string, message: string) => parts.onProgress(call.step, node, message);
      const ddl = requireDdl(catalogue, call.agent);
      const replies = await callAll(call, ddl, session, nodes, { leases, onProgress }, onOutcome, signal);
      outcomes.push(...replies);
      return replies;
    },
  };
}
