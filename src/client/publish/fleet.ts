import { callDefaults, newId } from '../../core/request/request.ts';
import { actionOf, type Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { defaultPort, formatAddress } from '../../core/node.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { noFilter } from '../../core/filter/filter.ts';
import { callNode } from '../../library/fleet/call-node.ts';
import type { Session } from '../fleet/session.ts';

/** Calls one node, and stops waiting when it is silent for too long. */
export type PublishCall = (
  node: FoundNode,
  action: string,
  input: JsonObject,
  options?: PublishCallOptions,
) => Promise<Outcome>;

export interface PublishCallOptions {
  readonly dryRun?: boolean;
  readonly onProgress?: (message: string) => void;
}

/** Milliseconds of silence after which a working node counts as lost. */
const silence = 60_000;

export function definePublishCall(
  ddl: Ddl,
  { caller, config }: Pick<Session, 'caller' | 'config'>,
  signal: AbortSignal,
): PublishCall {
  return async (node, action, input, { dryRun = false, onProgress = () => {} } = {}) => {
    const found = actionOf(ddl, action);
    if (found === undefined) throw new Problem('internal', `${ddl.name} has no action ${action}`);
    const lost = new AbortController();
    const timer = setTimeout(() => lost.abort(), silence + config.timeout * 1000);
    const request = { ...callDefaults, requestId: newId(), target: node.name, agent: ddl.name, action, input, dryRun };
    const settings = {
      timeout: (found.timeout + config.timeout) * 1000,
      changes: found.kind === 'change',
      onProgress: (message: string) => {
        timer.refresh();
        onProgress(message);
      },
      signal: AbortSignal.any([signal, lost.signal]),
    };
    try {
      const outcome = await callNode(node.connection, request, caller, settings);
      if (!lost.signal.aborted || outcome.outcome !== 'cancelled') return outcome;
      return { ...outcome, outcome: 'no-response', code: 'no-response', message: `${node.name} is silent` };
    } finally {
      clearTimeout(timer);
    }
  };
}

/**
 * Where other nodes can reach a node: addresses at which its identity was proven, here or by another node. A node
 * without a known address is looked up by its name in DNS; it has to prove its identity there as well.
 */
export async function addressesOf(
  nodes: readonly FoundNode[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const known = new Map(nodes.map(({ name, addresses }) => [name, addresses.map(formatAddress)]));
  // A few of them hear each other, or are in one segment with those that do.
  const witnesses = nodes.some(({ name }) => known.get(name)?.length === 0) ? nodes.slice(0, mostAsked) : [];
  const heard = await Promise.all(witnesses.map((node) => peersOf(node, signal)));
  for (const { identity, address, port } of heard.flat()) {
    const list = known.get(identity);
    const text = formatAddress({ host: address, port });
    if (list !== undefined && !list.includes(text)) list.push(text);
  }
  for (const [name, list] of known) if (list.length === 0) list.push(formatAddress({ host: name, port: defaultPort }));
  return new Map([...known].map(([name, list]) => [name, list.slice(0, mostAddresses)]));
}

const mostAsked = 4;
const mostAddresses = 8;

async function peersOf({ connection }: FoundNode, signal: AbortSignal) {
  try {
    const request = { filter: noFilter, facts: [], full: false, peers: true };
    return (await connection.describe(request, AbortSignal.any([signal, AbortSignal.timeout(5000)]))).peers;
  } catch {
    return [];
  }
}
