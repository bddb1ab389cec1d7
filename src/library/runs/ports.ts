import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../core/request/reply.ts';
import { newId } from '../../core/request/request.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { StepReport } from '../../playbook/events/events.ts';
import type { LeaseRequest, NodeCall, PlaybookPorts } from '../../playbook/ports.ts';
import { requireDdl } from '../fleet/agents.ts';
import { journalUnder } from './fleet/under-lease.ts';
import { type KeptNotice, startNotice } from './interruption-notice.ts';
import { type HeldLease, takeLease } from './lease.ts';
import { probe } from './probe.ts';
import { callOutsideSteps, callStepNodes } from './call-nodes.ts';
import { discoverNodes } from './discover.ts';
import { renewalOf } from './renewal.ts';
import type { Locking, PortParts } from './port-parts.ts';

/** Results of a run beside its report. */
export interface RunSeen {
  readonly outcomes: readonly Pick<Outcome, 'outcome'>[];
  /** Whether the run was stopped because it lost its lease. */
  readonly leaseLost?: boolean;
}

/** The ports, and their results after the run. */
export interface LivePorts extends PlaybookPorts {
  readonly seen: () => RunSeen;
  readonly release: () => Promise<void>;
}

/** What a run holds while it runs. */
interface RunHoldings {
  /** The nodes that were found, by name. */
  readonly nodes: Map<string, FoundNode>;
  readonly outcomes: Outcome[];
  readonly leases: HeldLease[];
  readonly notices: KeptNotice[];
  /** Whether the last step should have notified of a failure, and no node sent its message. */
  unsent: boolean;
}

/** The ports of the playbook engine, over real nodes. */
export function playbookPorts(parts: PortParts): LivePorts {
  const { session, journal, locking } = parts;
  const held: RunHoldings = { nodes: new Map(), outcomes: [], leases: [], notices: [], unsent: false };
  return {
    operator: session.caller.credentials.identity.name,
    beforeNext: () => renewalOf(session.caller, Date.now()),
    now: Date.now,
    clock: () => Math.round(performance.now()),
    newId,
    sleep: async (milliseconds, signal) => {
      await sleep(milliseconds, undefined, { signal }).catch(() => {});
    },
    emit: (event) => {
      parts.emit(event);
      if (event.type !== 'step-finished') return;
      held.unsent = isUnsentNotice(event.report);
      for (const notice of held.notices) notice.refresh();
    },
    ...parts.asking,
    probe,
    inputSources: { env: parts.env, defaults: session.config.inputs },
    journal: async (entry) => {
      // Both at once: the slower of the two decides how long this takes.
      await Promise.all([journal.write(entry), journal.stored.beforeChange(entry)]);
    },
    discover: async (query) => await discoverNodes(query, parts, held.nodes),
    ...(locking === undefined ? {} : { takeLease: (request) => takeRunLease(request, locking, parts, held) }),
    keepNotice: async (notice) => void held.notices.push(await storeNotice(notice, parts, held)),
    call: (call, onOutcome, signal) => callStep(call, onOutcome, signal, parts, held),
    seen: () => ({ outcomes: held.outcomes }),
    release: async () => {
      // Nodes take its last lines only while it holds the lease.
      await journal.stored.close();
      const { leases, notices, unsent } = held;
      const endNotice = (notice: KeptNotice) => (unsent ? notice.leave() : notice.withdraw());
      await Promise.all([...leases.map((lease) => lease.release()), ...notices.map(endNotice)]);
    },
  };
}

function isUnsentNotice({ notifies, state }: StepReport): boolean {
  return notifies === 'failure' && state === 'failed';
}

/** Takes a lease of the run on the nodes that do not give it yet, and has these nodes store the journal. */
async function takeRunLease(
  request: LeaseRequest,
  { onLost, onHeld, ...locking }: Locking,
  parts: PortParts,
  { nodes, outcomes, leases }: RunHoldings,
): Promise<void> {
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
  const lease = await takeLease({ ...locking, ...request, ttl: parts.session.config.lease, nodes: unheld, ask });
  lease.lost.addEventListener('abort', () => onLost(lease.lost.reason), { once: true });
  leases.push(lease);
  const holders = unheld.flatMap((name) => nodes.get(name) ?? []);
  parts.journal.stored.open(journalUnder(lease, holders, request.runId, parts));
  await onHeld?.();
}

/** Has nodes store a notice that they send if the run is cut off. */
function storeNotice(
  notice: Parameters<NonNullable<PlaybookPorts['keepNotice']>>[0],
  parts: PortParts,
  { nodes }: RunHoldings,
): Promise<KeptNotice> {
  const ask = callOutsideSteps('angelia', notice.runId, parts, nodes, () => false);
  return startNotice({
    ...notice,
    hold: parts.session.config.lease,
    ask: (node, input) => ask(node, 'sendmsg', input),
    warn: parts.warn,
  });
}

async function callStep(
  call: NodeCall,
  onOutcome: (outcome: Outcome) => void,
  signal: AbortSignal,
  { session, catalogue, onProgress }: PortParts,
  { nodes, leases, outcomes }: RunHoldings,
): Promise<Outcome[]> {
  const progress = (node: string, message: string) => onProgress(call.step, node, message);
  const ddl = requireDdl(catalogue, call.agent);
  const replies = await callStepNodes(call, { ddl, session, nodes, leases, signal, onProgress: progress, onOutcome });
  outcomes.push(...replies);
  return replies;
}
