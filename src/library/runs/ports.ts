import { setTimeout as sleep } from 'node:timers/promises';
import { actionOf, type Ddl, sensitiveInputs } from '../../core/ddl/ddl.ts';
import { type JsonObject, parseJsonObject } from '../../core/json.ts';
import type { NodeFacts } from '../../core/node.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { callDefaults, newId } from '../../core/request/seal.ts';
import { isDoubtful } from '../../discovery/doubt.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { RunEvent } from '../../playbook/events/events.ts';
import type {
  Discovered,
  DiscoverQuery,
  InputSources,
  LeaseRequest,
  NodeCall,
  PlaybookPorts,
} from '../../playbook/ports.ts';
import { callNode } from '../fleet/call-node.ts';
import { fanOut } from '../fleet/fan-out.ts';
import type { TargetOptions } from '../fleet/targets.ts';
import { requireDdl, type Session } from '../fleet/session.ts';
import type { Journaling } from './fleet/journaling.ts';
import { journalUnder } from './fleet/under-lease.ts';
import { type KeptNotice, startNotice } from './interruption-notice.ts';
import { type HeldLease, takeLease } from './lease.ts';
import { probe } from './probe.ts';

export interface PortParts {
  readonly session: Session;
  readonly catalogue: readonly Ddl[];
  /** Where nodes are heard of. */
  readonly targets: TargetOptions;
  readonly journal: RunJournal;
  readonly emit: (event: RunEvent) => void;
  /** Told what a node says of a call in hand. */
  readonly hear: (step: string, node: string, message: string) => void;
  /** How a person is asked; left out: not at all. */
  readonly asking?: Pick<PlaybookPorts, 'agree' | 'confirm'>;
  readonly env: InputSources['env'];
  readonly warn: (line: string) => void;
  /** How the run keeps others away; left out: not at all. */
  readonly locking?: Locking;
}

/** The journal of a run, on this host and on nodes. */
export interface RunJournal {
  /** @throws Problem `journal-failed` */
  readonly write: (entry: object) => Promise<void>;
  readonly stored: Journaling;
}

export interface Locking {
  /** Milliseconds to wait for another run’s lease. */
  readonly wait: number;
  /** The machine and process, for people. */
  readonly from: string;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
  /** Called when the lease can’t be kept, with the Problem that says why. */
  readonly onLost: (why: unknown) => void;
}

/** What a run met, beside its report. */
export interface RunSeen {
  readonly outcomes: readonly Pick<Outcome, 'outcome'>[];
}

/** The ports, and what they are asked when the run has ended. */
export interface LivePorts extends PlaybookPorts {
  readonly seen: () => RunSeen;
  readonly release: () => Promise<void>;
}

/** What the playbook engine needs of the world, over real nodes. */
export function playbookPorts(parts: PortParts): LivePorts {
  const { session, catalogue, journal, locking } = parts;
  const nodes = new Map<string, FoundNode>();
  const outcomes: Outcome[] = [];
  const leases: HeldLease[] = [];
  const notices: KeptNotice[] = [];
  const take = async (request: LeaseRequest, { onLost, ...manner }: Locking) => {
    // If a lease that the run holds were taken again, earlier requests under it would no longer be valid.
    const isHeld = (node: string) =>
      leases.some(({ name, fenceOf }) => name === request.name && fenceOf(node) !== undefined);
    const wanted = request.nodes.filter((node) => !isHeld(node));
    // A lease that can't be written down is not taken; one that is held is still renewed and released.
    const askOne = askBeside('lock', request.runId, parts, nodes, (action) => action === 'take');
    const ask: typeof askOne = async (...asked) => {
      const outcome = await askOne(...asked);
      if (outcome.outcome === 'refused') outcomes.push(outcome);
      return outcome;
    };
    const lease = await takeLease({ ...manner, ...request, ttl: session.config.lease, nodes: wanted, ask });
    lease.lost.addEventListener('abort', () => onLost(lease.lost.reason), { once: true });
    leases.push(lease);
    const holders = wanted.flatMap((name) => nodes.get(name) ?? []);
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
      const ask = askBeside('angelia', notice.runId, parts, nodes, () => false);
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
      const hear = (node: string, message: string) => parts.hear(call.step, node, message);
      const ddl = requireDdl(catalogue, call.agent);
      const replies = await callAll(call, ddl, session, nodes, { leases, hear }, onOutcome, signal);
      outcomes.push(...replies);
      return replies;
    },
  };
}

/** Finds the nodes of a set; those that were found are kept by name. */
export async function discoverNodes(
  { filter, source, facts, timeout }: DiscoverQuery,
  parts: Pick<PortParts, 'session' | 'targets'>,
  nodes: Map<string, FoundNode>,
): Promise<Discovered> {
  const given = parts.targets;
  // A set that names its own source keeps it: the command's options are for the others.
  const from = source === undefined ? {} : { method: source.method, nodesFile: source.file };
  const timing = timeout === undefined ? {} : { discoveryTimeout: timeout / 1000 };
  const wanted = facts === true ? { facts: ['*'] } : {};
  const { nodes: found, silent, broken } = await parts.session.find({ ...given, ...from, ...timing, filter }, wanted);
  for (const node of found) nodes.set(node.name, node);
  return {
    nodes: found.map(factsOf),
    silent: silent.map(({ name, lastSeen, by }) => ({ name, by, ...(lastSeen === undefined ? {} : { lastSeen }) })),
    broken: broken.map(({ name, problem }) => ({ name, problem: problem.message, isDoubtful: isDoubtful(problem) })),
  };
}

function factsOf({ name, description: { agents, classes, facts } }: FoundNode): NodeFacts {
  return {
    name,
    agents: agents.map((agent) => agent.name),
    classes,
    versions: Object.fromEntries(agents.map((agent) => [agent.name, agent.version])),
    facts: parseJsonObject(facts, `the facts of ${name}`),
  };
}

/** What of the run a call takes part in. */
interface Surroundings {
  readonly leases: readonly HeldLease[];
  readonly hear: (node: string, message: string) => void;
}

const alone: Surroundings = { leases: [], hear: () => {} };

function callAll(
  call: NodeCall,
  ddl: Ddl,
  session: Session,
  nodes: ReadonlyMap<string, FoundNode>,
  { leases, hear }: Surroundings,
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
      ...callDefaults,
      ...call,
      target: name,
      sensitive: sensitiveInputs(action),
      deadline: call.timeout === undefined ? 0 : Date.now() + call.timeout,
      // Reads do no harm, even after the lease has ended: a failed run still checks what it left.
      ...(action.kind === 'change' ? stampOf(leases, name) : unleased),
    };
    return await callNode(node.connection, orderOf(order), session.caller, {
      timeout,
      changes: action.kind === 'change',
      onProgress: (message) => hear(name, message),
      signal,
    });
  };
  return fanOut(call.nodes, session.config.concurrency, one, onOutcome);
}

const unleased = { lease: '', fence: 0 };

/** The lease that was taken last of those that hold the node. */
function stampOf(leases: readonly HeldLease[], node: string) {
  const lease = leases.findLast(({ fenceOf }) => fenceOf(node) !== undefined);
  const fence = lease?.fenceOf(node);
  return lease === undefined || fence === undefined ? unleased : { lease: lease.name, fence };
}

/** Calls an agent of one node, outside of the run’s steps. @param mustRecord of actions that are not done unless they are written down */
function askBeside(
  agent: string,
  runId: string,
  { session, catalogue, journal }: PortParts,
  nodes: ReadonlyMap<string, FoundNode>,
  mustRecord: (action: string) => boolean,
) {
  const ddl = requireDdl(catalogue, agent);
  const never = new AbortController().signal;
  return async (node: string, action: string, input: JsonObject): Promise<Outcome> => {
    const about = {
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
    await write({ type: 'call', batch: 1, changes: true, ...about });
    const call = { ...about, runId };
    const [outcome = unknown(node)] = await callAll(call, ddl, session, nodes, alone, () => {}, never);
    const { outcome: what, status, code, message, data } = outcome;
    const { step, requestId, try: attempt } = about;
    await write({ type: 'outcome', step, requestId, try: attempt, node, outcome: what, status, code, message, data });
    return outcome;
  };
}

function orderOf<T extends { nodes: unknown; timeout?: number }>({ nodes: _nodes, timeout: _timeout, ...order }: T) {
  return order;
}

function unknown(node: string): Outcome {
  const message = `${node} was not discovered in this run`;
  return { node, outcome: 'no-response', status: 5, code: 'no-response', message, hint: '', data: {}, elapsed: 0 };
}
