import { filterNeedsFacts, noFilter, parseFilter } from '../core/filter/filter.ts';
import { startAnswerDeadline } from '../core/waiting/deadline.ts';
import { orAborted } from '../core/waiting/or-aborted.ts';
import { explain, Problem } from '../core/errors.ts';
import type { Address, Candidate } from '../core/node.ts';
import type { Dial, NodeConnection } from '../core/ports.ts';
import { printable } from '../core/text.ts';
import { protocolVersion } from '../core/wire/codec.ts';
import type { DescribeRequest, NodeDescription } from '../core/wire/messages.ts';

/** A node that was connected and proven. */
export interface ReachedNode {
  readonly connection: NodeConnection;
  readonly description: NodeDescription;
  /** Milliseconds to connect and receive the description. */
  readonly elapsed: number;
}

/** The result for one candidate. */
export interface Attempt {
  readonly candidate: Candidate;
  /** Whether the handshake proved that it is the node with that name. */
  readonly proven: boolean;
  readonly result: ReachedNode | Problem;
}

/**
 * Sends a question to a node that was just proven, instead of asking whether it matches: the node evaluates the filter
 * in it. Limits its own time.
 * @returns whether it matches
 */
export type DescribeNode = (name: string, connection: NodeConnection) => Promise<boolean>;

/** A node's description of itself. */
export interface Describing {
  readonly request: DescribeRequest;
  /** Whether a node that gets a question also describes itself, at the same time. */
  readonly describe?: boolean;
}

export interface AttemptOptions {
  readonly dial: Dial;
  /** The connection to a node that needs no dialling, if there is one. */
  readonly recall?: ((name: string, addresses: readonly Address[]) => NodeConnection | undefined) | undefined;
  /** Called once the node has proven itself. */
  readonly describing: () => Describing;
  readonly ask?: DescribeNode;
  /** Leaves the connection open for calls; else it is closed as soon as the node has described itself. */
  readonly keep: boolean;
  /** Milliseconds to connect and receive the description. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Ends the attempt unless the candidate has proven itself: a proven node has its full time to answer. */
  readonly unlessProven?: AbortSignal | undefined;
}

/**
 * Connects to a candidate, proves its identity and requests its description. Never throws, and leaves nothing open on a
 * failure.
 */
export async function attempt(candidate: Candidate, options: AttemptOptions): Promise<Attempt> {
  const begun = performance.now();
  const time = startTime(options);
  let connection: NodeConnection | undefined;
  try {
    options.signal.throwIfAborted();
    const { name, addresses } = candidate;
    connection = options.recall?.(name, addresses) ?? (await dialInTime(candidate, options, time.begin()));
    const describing = options.describing();
    const description =
      options.ask === undefined
        ? await describeInTime(connection, describing.request, time.begin())
        : await askInstead(name, connection, options.ask, describing, time.begin);
    if (description.identity !== name) {
      throw new Problem(
        'wrong-node',
        `${name} describes itself as ${JSON.stringify(description.identity.slice(0, 80))}`,
      );
    }
    requireProtocol(name, description);
    if (!options.keep) connection.close();
    return { candidate, proven: true, result: { connection, description, elapsed: performance.now() - begun } };
  } catch (error) {
    connection?.close();
    const late = time.passed() && !options.signal.aborted;
    const problem = late ? lateness(candidate.name, options.timeout) : problemFrom(error, candidate.name);
    return { candidate, proven: connection !== undefined, result: problem };
  } finally {
    time.end();
  }
}

/**
 * The time of an attempt. It begins when there is something to wait for: of thousands of nodes that need no dialling, a deadline
 * for each would cost more than it protects, since a question limits its own time.
 */
function startTime({ timeout, signal }: AttemptOptions) {
  let deadline: ReturnType<typeof startAnswerDeadline> | undefined;
  return {
    begin: (): AbortSignal => {
      deadline ??= startAnswerDeadline(timeout, [signal]);
      return deadline.signal;
    },
    passed: () => deadline?.passed() === true,
    end: () => deadline?.end(),
  };
}

async function dialInTime(
  { name, addresses }: Candidate,
  { dial, unlessProven }: AttemptOptions,
  signal: AbortSignal,
): Promise<NodeConnection> {
  const connecting = unlessProven === undefined ? signal : AbortSignal.any([signal, unlessProven]);
  return await orAborted(dial(name, addresses, connecting), connecting, (late) => late.close());
}

async function describeInTime(
  connection: NodeConnection,
  request: DescribeRequest,
  signal: AbortSignal,
): Promise<NodeDescription> {
  return await orAborted(connection.describe(request, signal), signal);
}

/**
 * The answer to the question counts; a failed description is ignored. A node that does not match a filter for facts
 * describes itself afterwards: it may have lost them.
 */
async function askInstead(
  name: string,
  connection: NodeConnection,
  ask: DescribeNode,
  { describe = false, request }: Describing,
  beginTime: () => AbortSignal,
): Promise<NodeDescription> {
  const look = () => connection.describe(request, beginTime()).catch(() => undefined);
  const describing = describe ? look() : undefined;
  const matched = await ask(name, connection);
  const isUnclear = !matched && filterNeedsFacts(parseFilter(request.filter ?? noFilter)).length > 0;
  return { ...((await describing) ?? (isUnclear ? await look() : undefined) ?? undescribed(name)), matched };
}

/** One for all nodes. */
const noFacts = Buffer.from('{}');
const unknownDaemon = Buffer.alloc(0);

/** For a node that got another question. */
function undescribed(identity: string): NodeDescription {
  const nothing = {
    agents: [],
    classes: [],
    facts: noFacts,
    peers: [],
    warnings: [],
    incomplete: [],
    published: [],
    duplicates: [],
    daemon: unknownDaemon,
  };
  return { ...nothing, identity, version: '', protocol: protocolVersion, matched: true, time: Date.now() };
}

export function isDescribed({ version }: NodeDescription): boolean {
  return version !== '';
}

/**
 * Within a protocol version, old and new understand each other; beyond it, neither must guess. @throws Problem
 * `other-protocol`
 */
function requireProtocol(name: string, { protocol, version }: NodeDescription): void {
  if (protocol === protocolVersion) return;
  const what = `${name} runs mco-deploy ${printable(version)} with protocol ${protocol}, this client has protocol ${protocolVersion}`;
  const older =
    protocol < protocolVersion ? 'upgrade the node, or use the client of its version' : 'upgrade this client';
  throw new Problem('other-protocol', what, older);
}

function lateness(name: string, timeout: number): Problem {
  return new Problem(
    'no-response',
    `${name} did not answer within ${timeout / 1000} s`,
    'is it overloaded or disconnected?',
  );
}

function problemFrom(error: unknown, name: string): Problem {
  return error instanceof Problem ? error : new Problem('protocol-error', `${name}: ${explain(error)}`);
}

export function isReached(done: Attempt): done is Attempt & { result: ReachedNode } {
  return !(done.result instanceof Error);
}
