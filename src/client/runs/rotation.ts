/** Asks load balancers which servers take no traffic now. */
import type { Ddl } from '../../core/ddl/ddl.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { askNodes } from '../fleet/call-nodes.ts';
import { requireDdl, type Session } from '../fleet/session.ts';

/** A server that takes no traffic. */
export interface OutServer {
  readonly balancer: string;
  readonly backend: string;
  readonly server: string;
  readonly status: string;
  /** What its last check said. */
  readonly check: string;
  /** Milliseconds since the epoch; with caller and run, where the node took it out by a call. */
  readonly since: number | undefined;
  readonly caller: string | undefined;
  readonly run: string | undefined;
}

export interface Rotation {
  readonly out: readonly OutServer[];
  /** Of every question that was asked. */
  readonly outcomes: readonly Outcome[];
}

interface ServerStatus extends Pick<OutServer, 'status' | 'check' | 'since' | 'caller' | 'run'> {
  readonly name: string;
  readonly in_rotation: boolean;
}

/** @param nodes load balancers; every backend of theirs that has servers is looked at */
export async function readRotation(
  nodes: readonly FoundNode[],
  session: Session,
  catalogue: readonly Ddl[],
  signal: AbortSignal,
): Promise<Rotation> {
  const ddl = requireDdl(catalogue, 'haproxy');
  const ask = (action: string, input: object, some = nodes) =>
    askNodes({ ddl, action, input: () => ({ ...input }) }, some, session, signal);
  const lists = await ask('list', {});
  const hosting = [...nodes.entries()].flatMap(([index, node]) =>
    backendsOf(lists[index]).map((backend) => ({ node, backend })),
  );
  const statuses = await Promise.all(hosting.map(({ node, backend }) => ask('status', { backend }, [node])));
  return { out: statuses.flat().flatMap(outOf), outcomes: [...lists, ...statuses.flat()] };
}

function backendsOf(list: Outcome | undefined): string[] {
  const backends = list?.outcome === 'ok' ? (list.data.backends as { name: string; servers: string[] }[]) : [];
  return backends.filter(({ servers }) => servers.length > 0).map(({ name }) => name);
}

function outOf({ node, outcome, data }: Outcome): OutServer[] {
  if (outcome !== 'ok') return [];
  return (data.servers as ServerStatus[])
    .filter((server) => !server.in_rotation)
    .map(({ name, status, check, since, caller, run }) => ({
      balancer: node,
      backend: String(data.backend),
      server: name,
      status,
      check,
      since,
      caller,
      run,
    }));
}

/** One line for people. */
export function formatOut({ balancer, backend, server, status, check, since, caller, run }: OutServer): string {
  const origin =
    since === undefined
      ? `not by a run: ${check || 'HAProxy says no more'}`
      : `since ${new Date(since).toISOString()} by ${caller}${run === '' ? '' : ` in run ${run}`}`;
  return `${balancer}   ${backend}/${server}   ${status}   ${origin}`;
}
