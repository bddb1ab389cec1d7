import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../core/caller.ts';
import { actionOf, type Ddl, sensitiveInputs } from '../core/ddl.ts';
import { parseJsonObject } from '../core/json.ts';
import type { NodeFacts } from '../core/node.ts';
import type { Outcome } from '../core/reply.ts';
import type { FoundNode } from '../discovery/findings.ts';
import type { RunEvent } from '../playbook/events.ts';
import type { Discovered, DiscoverQuery, NodeCall, PlaybookPorts } from '../playbook/ports.ts';
import { callNode } from './call-node.ts';
import { fanOut } from './fanout.ts';
import type { Journal } from './journal.ts';
import type { RunSeen } from './run-exit.ts';
import { requireDdl, type Session } from './session.ts';
import { readTargetOptions } from './target-options.ts';

export interface PortParts {
  readonly session: Session;
  readonly catalogue: readonly Ddl[];
  /** The command's options that tell where nodes are heard of. */
  readonly options: object;
  readonly journal: Journal;
  readonly emit: (event: RunEvent) => void;
}

/** What the playbook engine needs of the world, over real nodes. */
export function playbookPorts(parts: PortParts): PlaybookPorts & { readonly seen: () => RunSeen } {
  const { session, catalogue, journal } = parts;
  const nodes = new Map<string, FoundNode>();
  const outcomes: Outcome[] = [];
  return {
    operator: session.caller.credentials.identity.name,
    now: Date.now,
    newId,
    sleep: async (milliseconds, signal) => {
      await sleep(milliseconds, undefined, { signal }).catch(() => {});
    },
    emit: parts.emit,
    journal: journal.write,
    seen: () => ({ outcomes }),
    discover: async (query) => await discover(query, parts, nodes),
    call: async (call, onOutcome, signal) => {
      const replies = await callAll(call, requireDdl(catalogue, call.agent), session, nodes, onOutcome, signal);
      outcomes.push(...replies);
      return replies;
    },
  };
}

async function discover(
  { filter }: DiscoverQuery,
  parts: PortParts,
  nodes: Map<string, FoundNode>,
): Promise<Discovered> {
  const { nodes: found, silent, broken } = await parts.session.find({ ...readTargetOptions(parts.options), filter });
  for (const node of found) nodes.set(node.name, node);
  return {
    nodes: found.map(factsOf),
    silent: silent.map(({ name, lastSeen, by }) => ({ name, by, ...(lastSeen === undefined ? {} : { lastSeen }) })),
    broken: broken.map(({ name, problem }) => ({ name, problem: problem.message })),
  };
}

function factsOf({ name, description: { agents, classes, facts } }: FoundNode): NodeFacts {
  return {
    name,
    agents: agents.map((agent) => agent.name),
    classes,
    facts: parseJsonObject(facts, `the facts of ${name}`),
  };
}

function callAll(
  call: NodeCall,
  ddl: Ddl,
  session: Session,
  nodes: ReadonlyMap<string, FoundNode>,
  onOutcome: (outcome: Outcome) => void,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const action = actionOf(ddl, call.action);
  const own = (action?.timeout ?? 0) * 1000;
  const timeout = (call.timeout ?? own) + session.config.timeout * 1000;
  const one = async (name: string): Promise<Outcome> => {
    const node = nodes.get(name);
    if (node === undefined || action === undefined) return unknown(name);
    const order = {
      ...call,
      target: name,
      sensitive: sensitiveInputs(action),
      timeToLive: 60_000,
      deadline: call.timeout === undefined ? 0 : Date.now() + call.timeout,
      lease: '',
      fence: 0,
    };
    return await callNode(node.connection, orderOf(order), session.caller, {
      timeout,
      changes: action.kind === 'change',
      onProgress: () => {},
      signal,
    });
  };
  return fanOut(call.nodes, session.config.concurrency, one, onOutcome);
}

function orderOf<T extends { nodes: unknown; timeout?: number }>({ nodes: _nodes, timeout: _timeout, ...order }: T) {
  return order;
}

function unknown(node: string): Outcome {
  const message = `${node} was not discovered in this run`;
  return { node, outcome: 'no-response', status: 5, code: 'no-response', message, hint: '', data: {}, elapsed: 0 };
}
