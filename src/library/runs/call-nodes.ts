import { mapLimited } from '../../core/waiting/concurrency.ts';
import { actionOf, type Ddl, sensitiveInputs } from '../../core/ddl/ddl.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { callDefaults, newId } from '../../core/request/request.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { notifier } from '../../playbook/call/notifier.ts';
import type { NodeCall } from '../../playbook/ports.ts';
import { callNode } from '../fleet/call-node.ts';
import type { Session } from '../fleet/session.ts';
import { requireDdl } from '../fleet/agents.ts';
import type { HeldLease } from './lease.ts';
import type { PortParts } from './port-parts.ts';

/** The part of the run that a call needs. */
interface CallContext {
  readonly ddl: Ddl;
  readonly session: Session;
  readonly nodes: ReadonlyMap<string, FoundNode>;
  readonly leases: readonly HeldLease[];
  readonly signal: AbortSignal;
  readonly onProgress: (node: string, message: string) => void;
  readonly onOutcome: (outcome: Outcome) => void;
}

/** Calls each node of a step. */
export function callStepNodes(
  call: NodeCall,
  { ddl, session, nodes, leases, signal, onProgress, onOutcome }: CallContext,
): Promise<Outcome[]> {
  const action = actionOf(ddl, call.action);
  const own = (action?.timeout ?? 0) * 1000;
  const timeout = (call.timeout ?? own) + session.config.timeout * 1000;
  // Reads and messages do no harm, even after the lease has ended: a failed run still checks what it left, and notifies.
  const needsLease = action?.kind === 'change' && ddl.name !== notifier;
  const one = async (name: string): Promise<Outcome> => {
    const node = nodes.get(name);
    if (node === undefined || action === undefined) return unknown(name);
    const options = {
      ...callDefaults,
      ...call,
      target: name,
      sensitive: sensitiveInputs(action),
      deadline: call.timeout === undefined ? 0 : Date.now() + call.timeout,
      ...(needsLease ? stampOf(leases, name) : unleased),
    };
    return await callNode(node.connection, withoutNodes(options), session.caller, {
      timeout,
      changes: action.kind === 'change',
      onProgress: (message) => onProgress(name, message),
      signal,
    });
  };
  return mapLimited(call.nodes, session.config.concurrency, async (name) => {
    const outcome = await one(name);
    onOutcome(outcome);
    return outcome;
  });
}

const unleased = { lease: '', fence: 0 };

/** The latest lease of those that hold the node. */
function stampOf(leases: readonly HeldLease[], node: string) {
  const lease = leases.findLast(({ fenceOf }) => fenceOf(node) !== undefined);
  const fence = lease?.fenceOf(node);
  return lease === undefined || fence === undefined ? unleased : { lease: lease.name, fence };
}

/**
 * Calls an agent of one node, outside of the run’s steps. @param mustRecord of actions that are not done unless they
 * are recorded
 */
export function callOutsideSteps(
  agent: string,
  runId: string,
  { session, catalogue, journal }: PortParts,
  nodes: ReadonlyMap<string, FoundNode>,
  mustRecord: (action: string) => boolean,
) {
  const ddl = requireDdl(catalogue, agent);
  const { signal } = new AbortController();
  const context = { ddl, session, nodes, leases: [], signal, onProgress: () => {}, onOutcome: () => {} };
  return async (node: string, action: string, input: JsonObject): Promise<Outcome> => {
    const request = {
      agent: ddl.name,
      action,
      input,
      requestId: newId(),
      try: 1,
      dryRun: false,
      step: '',
      nodes: [node],
    };
    const write = (entry: object) => {
      const written = journal.write({ at: Date.now(), runId, ...entry });
      return mustRecord(action) ? written : written.catch(() => {});
    };
    await write({ type: 'call', batch: 1, changes: true, ...request });
    const call = { ...request, runId };
    const [outcome = unknown(node)] = await callStepNodes(call, context);
    const { outcome: what, status, code, message, data } = outcome;
    const { step, requestId, try: attempt } = request;
    await write({ type: 'outcome', step, requestId, try: attempt, node, outcome: what, status, code, message, data });
    return outcome;
  };
}

function withoutNodes<T extends { nodes: unknown; timeout?: number }>({
  nodes: _nodes,
  timeout: _timeout,
  ...options
}: T) {
  return options;
}

function unknown(node: string): Outcome {
  const message = `${node} was not discovered in this run`;
  return { node, outcome: 'no-response', status: 5, code: 'no-response', message, hint: '', data: {}, elapsed: 0 };
}
