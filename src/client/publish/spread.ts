import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { PublishCall } from './fleet.ts';
import type { Copy, Waves } from './waves.ts';

/** How a node got it: it was there, came from this host, or came from another node; `none` if it did not. */
export type DeliveryMethod = 'present' | 'uploaded' | 'copied' | 'none';

/** The result for one node. */
export interface NodeResult {
  readonly node: string;
  readonly outcome: Outcome['outcome'];
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly way: DeliveryMethod;
  /** The node that sent it; empty if none did. */
  readonly from: string;
  /** Of the copies from node to node, from 1; 0 for any other way. */
  readonly round: number;
  /** Bytes that other nodes sent. */
  readonly received: number;
  /** Milliseconds since the command began to send. */
  readonly elapsed: number;
}

export interface SpreadOptions {
  readonly nodes: ReadonlyMap<string, FoundNode>;
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly ask: PublishCall;
  /** In the form of the action `fetch`. */
  readonly ticket: string;
  /** Makes a node accept the ticket again. @returns the reason if it does not */
  readonly prepare: (node: FoundNode) => Promise<Outcome | undefined>;
  /**
   * Sends the missing part to one of these nodes from here: to the one that lacks least, because no node can send it
   * any more.
   */
  readonly reseed: (nodes: readonly FoundNode[]) => Promise<Outcome>;
  readonly onResult: (result: NodeResult) => void;
  readonly onProgress: (node: string, message: string) => void;
  readonly since: number;
  readonly signal: AbortSignal;
}

/** How often one node is asked to fetch. */
const tries = 6;
/** How many of the waiting nodes are asked for their missing parts before one receives it from here. */
const mostSeeds = 64;
/** Milliseconds before it is asked again. */
const pause = 500;
/** Codes after which another try may succeed: the others depend on the node itself. */
const passing = new Set([
  'busy',
  'rate-limited',
  'incomplete-artifact',
  'no-response',
  'unreachable',
  'unknown-ticket',
  'not-serving',
  // Its daemon was restarted in the middle.
  'interrupted',
  'stopping',
  // What arrived within its time stays.
  'timeout',
]);

/** The nodes that sent, and those that did not, as the action `fetch` returns them. */
interface Sources {
  readonly sources: readonly string[];
  readonly rejected: readonly { readonly node: string; readonly code: string }[];
}

/** Copies from node to node until all have it, or nobody can send it to the remaining ones. */
export async function spread(waves: Waves, options: SpreadOptions): Promise<void> {
  const { onResult, reseed, nodes, signal, since } = options;
  const attempts = new Map<string, number>();
  const running = new Set<Promise<void>>();
  const isWorthAnother = (node: string, { code }: Outcome) => {
    const count = (attempts.get(node) ?? 0) + 1;
    attempts.set(node, count);
    return passing.has(code) && count < tries && !signal.aborted;
  };
  const settle = (copy: Copy, outcome: Outcome) => {
    const { rejected = [], sources = [] } = outcome.data as Partial<Sources>;
    for (const { node, code } of rejected) if (code !== 'busy') waves.blame(node, copy.to);
    for (const node of sources) waves.clear(node);
    if (outcome.outcome === 'ok') {
      waves.arrived(copy.to);
      return onResult(resultOf(copy.to, 'copied', outcome, since, copy));
    }
    const again = isWorthAnother(copy.to, outcome);
    waves.failed(copy.to, again);
    if (!again) onResult(resultOf(copy.to, 'copied', outcome, since, copy));
  };
  const begin = (copy: Copy) => {
    const work = copyOnce(copy, attempts.get(copy.to) ?? 0, options)
      .then((outcome) => settle(copy, outcome))
      .finally(() => running.delete(work));
    running.add(work);
  };
  const sendFromHere = async () => {
    const candidates = waves.waiting().slice(0, mostSeeds);
    const outcome = await reseed(candidates.map((name) => nodes.get(name) as FoundNode));
    const { node } = outcome;
    const again = outcome.outcome !== 'ok' && isWorthAnother(node, outcome);
    waves.seed(node, outcome.outcome === 'ok');
    if (again) waves.failed(node, true);
    else onResult(resultOf(node, 'uploaded', outcome, since));
  };
  for (;;) {
    if (!signal.aborted) for (const copy of waves.next()) begin(copy);
    if (running.size > 0) await Promise.race(running);
    else if (waves.waiting().length === 0 || signal.aborted) break;
    else await sendFromHere();
  }
  for (const node of waves.waiting()) onResult(unsent(node, since));
}

async function copyOnce(
  { to, from, others }: Copy,
  attempt: number,
  { nodes, addresses, ask, ticket, prepare, onProgress, signal }: SpreadOptions,
): Promise<Outcome> {
  const node = nodes.get(to) as FoundNode;
  if (attempt > 0) {
    await sleep(pause * attempt, undefined, { signal }).catch(() => {});
    // Its daemon may have been restarted since, and then it does not know the ticket.
    const refused = await prepare(node);
    if (refused !== undefined) return refused;
  }
  const sources = [from, ...others].map((name) => ({ node: name, addresses: [...(addresses.get(name) ?? [])] }));
  const input = { ticket, sources } as unknown as JsonObject;
  return await ask(node, 'fetch', input, { onProgress: (message) => onProgress(to, message) });
}

export function resultOf(
  node: string,
  way: DeliveryMethod,
  { outcome, code, message, hint, data }: Outcome,
  since: number,
  copy?: Copy,
): NodeResult {
  const { received = 0, sources = [] } = data as { received?: number; sources?: readonly string[] };
  const isOk = outcome === 'ok';
  const from = copy === undefined ? '' : (sources.at(-1) ?? copy.from);
  const elapsed = Math.round(performance.now() - since);
  const came = isOk ? way : 'none';
  return {
    node,
    outcome,
    code,
    message,
    hint,
    way: came,
    from,
    round: isOk ? (copy?.round ?? 0) : 0,
    received,
    elapsed,
  };
}

function unsent(node: string, since: number): NodeResult {
  const nothing = { code: 'cancelled', message: 'it was not sent', hint: '', from: '', round: 0, received: 0 };
  return { node, outcome: 'cancelled', way: 'none', ...nothing, elapsed: Math.round(performance.now() - since) };
}
