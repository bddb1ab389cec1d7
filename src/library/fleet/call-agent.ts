import { setTimeout as sleep } from 'node:timers/promises';
import { mapLimited } from '../../core/waiting/concurrency.ts';
import { Problem } from '../../core/errors.ts';
import { type ActionDdl, type Ddl, sensitiveInputs } from '../../core/ddl/ddl.ts';
import type { JsonObject } from '../../core/json.ts';
import type { NodeConnection } from '../../core/ports.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { callDefaults, newId } from '../../core/request/request.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { type Findings, noFindings } from '../../discovery/directory.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { learnDdl } from './agents.ts';
import { cutBatches } from './batches.ts';
import { callNode } from './call-node.ts';
import type { Session } from './session.ts';
import { discoveryMethod } from './sources.ts';
import type { TargetOptions } from './targets.ts';

/** An action to call, with its checked input. */
export interface Plan {
  readonly agent: string;
  readonly action: string;
  readonly description: ActionDdl;
  readonly input: JsonObject;
  readonly dryRun: boolean;
  /** Makes nodes reply as soon as they have begun; the id of the request, by which outcomes are asked for. */
  readonly detach?: string;
}

export interface Batching {
  readonly batch: string | undefined;
  /** Milliseconds between two batches. */
  readonly pause: number;
}

/** The result of a call to all nodes that match. */
export interface Called {
  readonly findings: Findings;
  readonly outcomes: Outcome[];
  /** Milliseconds from the first call to the last reply. */
  readonly elapsed: number;
  /** Whether it was ended before all nodes were found and called. */
  readonly isCutOff: boolean;
}

/** A call to all nodes that match, of an agent that is built in or described by the nodes. */
export interface AgentCall {
  readonly agent: string;
  /** The call, if the agent is built in. */
  readonly planned: Plan | undefined;
  /** Makes the call from the description of the nodes. @throws Problem when it does not match */
  readonly plan: (ddl: Ddl) => Plan;
  readonly targets: TargetOptions;
  readonly batching: Batching;
  readonly onOutcome: (plan: Plan) => (outcome: Outcome) => void;
  readonly signal: AbortSignal;
}

/** Finds the nodes and calls them. Exactly one outcome a node. */
export async function callAgent(
  { agent, planned, plan: planFor, targets, batching, onOutcome, signal }: AgentCall,
  session: Session,
  catalogue: readonly Ddl[],
): Promise<Called & { readonly plan: Plan }> {
  if (canCallAsFound(planned, batching, targets, session)) {
    const calling = { plan: planned, targets, session, signal, onOutcome: onOutcome(planned) };
    return { plan: planned, ...(await callAsFound(calling)) };
  }
  const findings = await session.find(targets, { full: planned === undefined, signal });
  const plan = planned ?? planFor(learnDdl(agent, findings.nodes, catalogue, session.environment));
  const began = performance.now();
  const calling = { plan, targets, session, signal, onOutcome: onOutcome(plan) };
  const outcomes = await callAll(calling, findings.nodes, batching);
  const isCutOff = outcomes.length < findings.nodes.length;
  return { plan, findings, outcomes, elapsed: performance.now() - began, isCutOff };
}

/**
 * Whether a call may go out to each node as soon as that is proven. Batches and limits need all nodes first; so does an
 * agent that only the nodes describe, and a change if two nodes may answer to one name: that is known when all are
 * heard.
 */
function canCallAsFound(
  planned: Plan | undefined,
  { batch }: Batching,
  targets: TargetOptions,
  { config, environment }: Session,
): planned is Plan {
  if (planned === undefined || batch !== undefined || targets.limit !== undefined) return false;
  const method = discoveryMethod(targets, config, environment);
  return planned.description.kind === 'read' || ['file', 'stdin', 'cache'].includes(method);
}

/** A call to the nodes of a command. */
interface Calling {
  readonly plan: Plan;
  readonly targets: TargetOptions;
  readonly session: Session;
  readonly signal: AbortSignal;
  readonly onOutcome: (outcome: Outcome) => void;
}

/** The same call to every node of a command: one request id for all. */
interface Calls {
  /** @param filter for the node to evaluate, if it was not asked before */
  readonly one: (name: string, connection: NodeConnection, filter?: FilterTerms) => Promise<Outcome>;
  readonly done: (name: string) => void;
  readonly end: () => void;
}

/** @param total the number of nodes; 0: not known yet */
function beginCalls({ plan, targets, session, signal }: Calling, total: number): Calls {
  const { environment } = session;
  const { description, input, dryRun, agent, action, detach } = plan;
  if (description.kind === 'change' && !dryRun) environment.onChange();
  const own = detach === undefined ? description.timeout : 0;
  const timeout = (targets.timeout ?? own + session.config.timeout) * 1000;
  const work = environment.begin(`${agent}#${action}`, total);
  const options = {
    ...callDefaults,
    ...{ requestId: detach ?? newId(), agent, action, input, dryRun, sensitive: sensitiveInputs(description) },
    detach: detach !== undefined,
  };
  const changes = description.kind === 'change';
  return {
    one: (target, connection, filter) => {
      work.show(target, '');
      const onProgress = (message: string) => work.show(target, message);
      const settings = { timeout, changes, onProgress, signal };
      return callNode(
        connection,
        { ...options, target, ...(filter === undefined ? {} : { filter }) },
        session.caller,
        settings,
      );
    },
    done: work.done,
    end: work.end,
  };
}

/** Calls found nodes, in batches. Exactly one outcome a node, of the batches that were begun. */
async function callAll(calling: Calling, nodes: readonly FoundNode[], { batch, pause }: Batching): Promise<Outcome[]> {
  const { session, signal, onOutcome } = calling;
  const calls = beginCalls(calling, nodes.length);
  const connections = new Map(nodes.map(({ name, connection }) => [name, connection]));
  const outcomes: Outcome[] = [];
  for (const [index, names] of cutBatches([...connections.keys()], batch).entries()) {
    if (index > 0 && pause > 0) await sleep(pause, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const replies = await mapLimited(names, session.config.concurrency, async (name) => {
      const outcome = await calls.one(name, connections.get(name) as NodeConnection);
      calls.done(name);
      onOutcome(outcome);
      return outcome;
    });
    outcomes.push(...replies);
  }
  calls.end();
  return outcomes;
}

/**
 * Calls each node as soon as its handshake has proven it, without a description before: the request contains the
 * filter, and a node that does not match refuses it (`not-matched`) and is omitted from the outcomes.
 * @throws as {@link Session.find}; when the user ends it, the outcomes so far are still returned
 */
async function callAsFound(calling: Calling): Promise<Called> {
  const { targets, session, signal, onOutcome } = calling;
  const began = performance.now();
  const calls = beginCalls(calling, 0);
  const outcomes = new Map<string, Outcome>();
  const ask = async (name: string, connection: NodeConnection) => {
    const outcome = await calls.one(name, connection, targets.filter);
    calls.done(name);
    if (outcome.code === 'not-matched') return false;
    // Only the memory of an earlier command said how to reach it: as silent as a node that could not be connected.
    if (outcome.code === 'unreachable') throw new Problem(outcome.code, outcome.message, outcome.hint);
    outcomes.set(name, outcome);
    onOutcome(outcome);
    return true;
  };
  try {
    const findings = await session.find(targets, { ask, signal });
    // Without those of a name that two nodes have proven: that is reported separately.
    return {
      findings,
      outcomes: findings.nodes.flatMap(({ name }) => outcomes.get(name) ?? []),
      elapsed: performance.now() - began,
      isCutOff: false,
    };
  } catch (error) {
    if (!signal.aborted || outcomes.size === 0) throw error;
    const replies = [...outcomes.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
    return { findings: noFindings, outcomes: replies, elapsed: performance.now() - began, isCutOff: true };
  } finally {
    calls.end();
  }
}
