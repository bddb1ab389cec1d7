import { setTimeout as sleep } from 'node:timers/promises';
import { type ActionDdl, sensitiveInputs } from '../../core/ddl/ddl.ts';
import type { JsonObject } from '../../core/json.ts';
import type { NodeConnection } from '../../core/ports.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { callDefaults, newId } from '../../core/request/seal.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { type Findings, noFindings } from '../../discovery/directory.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { TargetOptions } from './targets.ts';
import { cutBatches } from './batches.ts';
import { callNode } from './call-node.ts';
import { fanOut } from './fan-out.ts';
import type { Session } from './session.ts';

/** One action to call, its input checked. */
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
}

/** The same call to every node of a command: one request id for all. */
interface Calls {
  /** @param filter for the node to evaluate, if it was not asked before */
  readonly one: (name: string, connection: NodeConnection, filter?: FilterTerms) => Promise<Outcome>;
  readonly done: (name: string) => void;
  readonly end: () => void;
}

/** @param total how many nodes there are; 0: not known yet */
function beginCalls(plan: Plan, total: number, targets: TargetOptions, session: Session, signal: AbortSignal): Calls {
  const { world } = session;
  const { description, input, dryRun, agent, action, detach } = plan;
  if (description.kind === 'change') world.onChange();
  const own = detach === undefined ? description.timeout : 0;
  const timeout = (targets.timeout ?? own + session.config.timeout) * 1000;
  const work = world.begin(`${agent}#${action}`, total);
  const order = {
    ...callDefaults,
    ...{ requestId: detach ?? newId(), agent, action, input, dryRun, sensitive: sensitiveInputs(description) },
    detach: detach !== undefined,
  };
  const changes = description.kind === 'change';
  return {
    one: (target, connection, filter) => {
      work.tell(target, '');
      const onProgress = (message: string) => work.tell(target, message);
      const settings = { timeout, changes, onProgress, signal };
      return callNode(
        connection,
        { ...order, target, ...(filter === undefined ? {} : { filter }) },
        session.caller,
        settings,
      );
    },
    done: work.done,
    end: work.end,
  };
}

/** Calls nodes that were found, in batches. Exactly one outcome a node. */
export async function callAll(
  plan: Plan,
  nodes: readonly FoundNode[],
  targets: TargetOptions,
  session: Session,
  { batch, pause }: Batching,
  signal: AbortSignal,
  onOutcome: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const calls = beginCalls(plan, nodes.length, targets, session, signal);
  const connections = new Map(nodes.map(({ name, connection }) => [name, connection]));
  const call = (name: string) => calls.one(name, connections.get(name) as NodeConnection);
  const outcomes: Outcome[] = [];
  for (const [index, names] of cutBatches([...connections.keys()], batch).entries()) {
    if (signal.aborted) break;
    if (index > 0 && pause > 0) await sleep(pause, undefined, { signal }).catch(() => {});
    const done = (outcome: Outcome) => {
      calls.done(outcome.node);
      onOutcome(outcome);
    };
    outcomes.push(...(await fanOut(names, session.config.concurrency, call, done)));
  }
  calls.end();
  return outcomes;
}

/**
 * Calls each node as soon as its handshake has proven it, without a description before: the request carries the filter, and
 * a node that does not match refuses it (`not-matched`) and is left out of the outcomes.
 * @throws as {@link Session.find}; when the user ends it, the outcomes so far are still returned
 */
export async function callAsFound(
  plan: Plan,
  targets: TargetOptions,
  session: Session,
  signal: AbortSignal,
  onOutcome: (outcome: Outcome) => void,
): Promise<Called> {
  const began = performance.now();
  const calls = beginCalls(plan, 0, targets, session, signal);
  const outcomes = new Map<string, Outcome>();
  const ask = async (name: string, connection: NodeConnection) => {
    const outcome = await calls.one(name, connection, targets.filter);
    calls.done(name);
    if (outcome.code === 'not-matched') return false;
    outcomes.set(name, outcome);
    onOutcome(outcome);
    return true;
  };
  try {
    const findings = await session.find(targets, { ask, signal });
    // Without those of a name that two nodes have proven to have: that is reported on its own.
    return {
      findings,
      outcomes: findings.nodes.flatMap(({ name }) => outcomes.get(name) ?? []),
      elapsed: performance.now() - began,
    };
  } catch (error) {
    if (!signal.aborted || outcomes.size === 0) throw error;
    const replies = [...outcomes.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
    return { findings: noFindings, outcomes: replies, elapsed: performance.now() - began };
  } finally {
    calls.end();
  }
}
