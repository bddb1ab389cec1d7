import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { Ask } from './fleet.ts';
import type { Copy, Waves } from './waves.ts';

/** What became of one node. */
export interface NodeResult {
  readonly node: string;
  readonly outcome: Outcome['outcome'];
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** The node that sent it; empty where it came from the operator, or was there. */
  readonly from: string;
  /** 0: it was there; 1: it came from the operator; one more for each copy before it. */
  readonly round: number;
  /** Bytes that other nodes sent. */
  readonly received: number;
  /** Milliseconds since the command began to send. */
  readonly elapsed: number;
}

export interface SpreadOptions {
  readonly nodes: ReadonlyMap<string, FoundNode>;
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly ask: Ask;
  /** As the action `fetch` takes it. */
  readonly ticket: string;
  /** Has a node accept the ticket again. @returns what it says, where it does not */
  readonly prepare: (node: FoundNode) => Promise<Outcome | undefined>;
  /** Sends the artifact to a node from here: no node can send it any more. @returns why not */
  readonly reseed: (node: FoundNode) => Promise<Outcome>;
  readonly onResult: (result: NodeResult) => void;
  readonly onProgress: (node: string, message: string) => void;
  readonly since: number;
  readonly signal: AbortSignal;
}

/** How often one node is asked to fetch. */
const tries = 6;
/** Milliseconds before it is asked again. */
const pause = 500;
/** Codes after which another try may do: the others are the node's own. */
const passing = new Set(['busy', 'incomplete-artifact', 'no-response', 'unreachable', 'unknown-ticket', 'not-serving']);

/** Who sent to a node, and who did not, as the action `fetch` returns it. */
interface Sources {
  readonly sources: readonly string[];
  readonly rejected: readonly { readonly node: string; readonly code: string }[];
}

/** Copies from node to node until all have it, or nobody can send it to those that are left. */
export async function spread(waves: Waves, options: SpreadOptions): Promise<void> {
  const { onResult, reseed, nodes, signal, since } = options;
  const attempts = new Map<string, number>();
  const running = new Set<Promise<void>>();
  const settle = (copy: Copy, outcome: Outcome) => {
    const { rejected = [], sources = [] } = outcome.data as Partial<Sources>;
    for (const { node, code } of rejected) if (code !== 'busy') waves.blame(node, copy.to);
    for (const node of sources) waves.clear(node);
    if (outcome.outcome === 'ok') {
      waves.arrived(copy.to);
      return onResult(resultOf(copy, outcome, since));
    }
    const count = (attempts.get(copy.to) ?? 0) + 1;
    attempts.set(copy.to, count);
    const again = passing.has(outcome.code) && count < tries && !signal.aborted;
    waves.failed(copy.to, again);
    if (!again) onResult(resultOf(copy, outcome, since));
  };
  const begin = (copy: Copy) => {
    const work = copyOnce(copy, attempts.get(copy.to) ?? 0, options)
      .then((outcome) => settle(copy, outcome))
      .finally(() => running.delete(work));
    running.add(work);
  };
  for (;;) {
    if (!signal.aborted) for (const copy of waves.next()) begin(copy);
    if (running.size > 0) await Promise.race(running);
    else if (waves.waiting().length === 0 || signal.aborted) break;
    else await reseedOne(waves, nodes, reseed, onResult, since);
  }
  for (const node of waves.waiting()) onResult(unsent(node, 'cancelled', since));
}

async function copyOnce(
  { to, from, others }: Copy,
  attempt: number,
  { nodes, addresses, ask, ticket, prepare, onProgress, signal }: SpreadOptions,
): Promise<Outcome> {
  const node = nodes.get(to) as FoundNode;
  if (attempt > 0) {
    await sleep(pause * attempt, undefined, { signal }).catch(() => {});
    // Its daemon may have been restarted since, and knows no ticket then.
    const refused = await prepare(node);
    if (refused !== undefined) return refused;
  }
  const sources = [from, ...others].map((name) => ({ node: name, addresses: [...(addresses.get(name) ?? [])] }));
  const input = { ticket, sources } as unknown as JsonObject;
  return await ask(node, 'fetch', input, { onProgress: (message) => onProgress(to, message) });
}

async function reseedOne(
  waves: Waves,
  nodes: SpreadOptions['nodes'],
  reseed: SpreadOptions['reseed'],
  onResult: SpreadOptions['onResult'],
  since: number,
): Promise<void> {
  const [next] = waves.waiting();
  const outcome = await reseed(nodes.get(next as string) as FoundNode);
  waves.seed(next as string, outcome.outcome === 'ok');
  onResult(resultOf({ to: next as string, from: '', round: 0 }, outcome, since));
}

/** @param copy `round` counts copies between nodes: the operator's own sending is the round before them */
export function resultOf(
  { to, from, round }: Pick<Copy, 'to' | 'from' | 'round'>,
  { outcome, code, message, hint, data }: Outcome,
  since: number,
): NodeResult {
  const { received = 0, sources = [] } = data as { received?: number; sources?: readonly string[] };
  const sender = sources.at(-1) ?? from;
  const elapsed = Math.round(performance.now() - since);
  return { node: to, outcome, code, message, hint, from: sender, round: round + 1, received, elapsed };
}

function unsent(node: string, outcome: 'cancelled', since: number): NodeResult {
  const nothing = { code: 'cancelled', message: 'it was not sent', hint: '', from: '', round: 0, received: 0 };
  return { node, outcome, ...nothing, elapsed: Math.round(performance.now() - since) };
}
