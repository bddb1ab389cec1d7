/** Asks load balancers which hosts take no traffic now. */
import type { Ddl } from '../../core/ddl/ddl.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { callNodes } from '../../library/fleet/call-nodes.ts';
import type { Session } from '../fleet/session.ts';
import { requireDdl } from '../../library/fleet/agents.ts';

/** The cause that put in a host that had to stay out, as the load balancer’s agent recorded it. */
export interface RecordedBreak {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly socket: string;
  /** `BACKEND/SERVER` */
  readonly line: string;
  readonly cause: string;
  readonly where: string;
}

/** A host that takes no traffic on some line of a load balancer. */
export interface OutServer {
  readonly balancer: string;
  /** The backends in which it takes no traffic, separated by commas. */
  readonly backend: string;
  /** The host, under the name by which it was taken out. */
  readonly server: string;
  readonly status: string;
  /** The result of the check that keeps it out. */
  readonly check: string;
  /** Milliseconds since the epoch; with caller and run, if a call took it out. */
  readonly since: number | undefined;
  readonly caller: string | undefined;
  readonly run: string | undefined;
  /** Out without a break since then. */
  readonly out_since: number | undefined;
  readonly breaks: readonly RecordedBreak[];
  /** `BACKEND/SERVER` of the lines that take no traffic. */
  readonly lines: readonly string[];
  /** `BACKEND/SERVER` of lines that still send it requests. */
  readonly still_serving: readonly string[];
}

export interface Rotation {
  readonly out: readonly OutServer[];
  /** Every server that a load balancer reported. */
  readonly servers: readonly { readonly balancer: string; readonly name: string; readonly inRotation: boolean }[];
  /** Of every question. */
  readonly outcomes: readonly Outcome[];
}

interface ServerStatus extends Pick<OutServer, 'status' | 'check' | 'since' | 'caller' | 'run' | 'out_since'> {
  readonly name: string;
  readonly in_rotation: boolean;
  readonly breaks?: readonly RecordedBreak[];
  readonly lines: readonly { readonly line: string; readonly in_rotation: boolean }[];
}

/** @param nodes load balancers, with all their backends */
export async function readRotation(
  nodes: readonly FoundNode[],
  session: Session,
  catalogue: readonly Ddl[],
  signal: AbortSignal,
): Promise<Rotation> {
  const ddl = requireDdl(catalogue, 'haproxy');
  const outcomes = await callNodes({ ddl, action: 'status', input: () => ({}) }, nodes, session, signal);
  const servers = outcomes.flatMap(({ node, outcome, data }) =>
    outcome !== 'ok'
      ? []
      : (data.servers as ServerStatus[]).map(({ name, in_rotation }) => ({
          balancer: node,
          name,
          inRotation: in_rotation,
        })),
  );
  return { out: outcomes.flatMap(outOf), servers, outcomes };
}

function outOf({ node, outcome, data }: Outcome): OutServer[] {
  if (outcome !== 'ok') return [];
  return (data.servers as ServerStatus[])
    .filter((server) => !server.in_rotation)
    .map(({ name, status, check, since, caller, run, out_since, breaks = [], lines }) => {
      const named = (serving: boolean) => [
        ...new Set(lines.filter((one) => one.in_rotation === serving).map(({ line }) => line)),
      ];
      const out = named(false);
      return {
        balancer: node,
        backend: [...new Set(out.map(backendOf))].join(','),
        server: name,
        status,
        check,
        since,
        caller,
        run,
        out_since,
        breaks,
        lines: out,
        still_serving: named(true),
      };
    });
}

function backendOf(line: string): string {
  return line.slice(0, line.indexOf('/'));
}

/** One line for people: the host, where it is out, since when and why. */
export function formatOut(out: OutServer): string {
  const { balancer, server, status, check, lines, still_serving: serving } = out;
  // One that is held out although no line leads to it any more.
  const where = lines.length === 0 ? `${status}: ${check}` : `${status} in ${formatLines(lines, server)}`;
  const still = serving.length === 0 ? '' : `; still serving in ${formatLines(serving, server)}`;
  return `${server}   ${balancer}   ${where}   ${originOf(out)}${still}${breakOf(out)}`;
}

/** Only backends, if HAProxy uses the host's own name. */
function formatLines(lines: readonly string[], host: string): string {
  return lines.map((line) => (line === `${backendOf(line)}/${host}` ? backendOf(line) : line)).join(', ');
}

function originOf({ since, caller, run, check, out_since: outSince }: OutServer): string {
  if (since !== undefined)
    return `since ${new Date(since).toISOString()} by ${caller}${run === '' ? '' : ` in run ${run}`}`;
  if (outSince !== undefined) return 'out before a run took it out, and held out since';
  return `not by a run: ${check || 'HAProxy reports no more'}`;
}

function breakOf({ breaks }: OutServer): string {
  const last = breaks.at(-1);
  if (last === undefined) return '';
  return `; put in ${breaks.length === 1 ? 'once' : `${breaks.length} times`} meanwhile, last noticed ${new Date(last.at).toISOString()}: ${last.cause}`;
}
