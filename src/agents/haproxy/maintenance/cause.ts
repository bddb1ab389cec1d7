/** The cause that put a held host back into traffic, and where to see it. */
import { type HaproxyInfo, isAnother } from '../runtime/process.ts';
import { lineName, type ServerLine } from '../servers/line.ts';
import type { Break, HeldLine } from './held-hosts.ts';

export interface Found {
  readonly line: ServerLine;
  /** Its record; undefined for a line that did not lead to the host before. */
  readonly before: HeldLine | undefined;
  /** The HAProxy process that knew of the hold, and the one that answers now. */
  readonly processes: { readonly known: HaproxyInfo | undefined; readonly now: HaproxyInfo };
}

/** A line that takes traffic, or could by its administrative state, although its host is held out. */
export function breakOf(found: Found, at: number): Break {
  return { at, ...lineOf(found), ...causeOf(found) };
}

/** A line that is out now, and that received sessions since it was last seen out. */
export function unexpectedSessions(found: Found, sessions: number, at: number): Break {
  const where = `“show stat” at ${found.line.view.runtime.name}, column “stot” of ${lineName(found.line)}`;
  const how = replacedProcess(found)
    ? 'HAProxy was reloaded or restarted and sent them before it restored its state'
    : 'something put it in for a moment, or sends requests all the same (“option persist”, “force-persist”, or a retry without “option redispatch”)';
  return { at, ...lineOf(found), cause: `it got ${sessions} requests: ${how}`, where };
}

function lineOf({ line }: Found): Pick<Break, 'socket' | 'line'> {
  return { socket: line.view.runtime.name, line: lineName(line) };
}

/** The earlier process, if another one answers now. */
function replacedProcess({ processes: { known, now } }: Found): HaproxyInfo | undefined {
  return known !== undefined && isAnother(known, now) ? known : undefined;
}

function causeOf(found: Found): Pick<Break, 'cause' | 'where'> {
  const { line, before, processes } = found;
  const socket = line.view.runtime.name;
  const earlier = replacedProcess(found);
  if (earlier !== undefined) {
    return {
      cause: 'HAProxy was reloaded or restarted, and forgot that it is in maintenance',
      where: `“show info” at ${socket}: ${describe(processes.now)}, before it was ${describe(earlier)}`,
    };
  }
  const { agent } = line.server;
  if (agent.enabled) {
    const words = agent.words === '' ? agent.status : agent.words;
    return {
      cause: `its agent-check, which something switched on again, put it in (it said “${words}”)`,
      where: `“show stat” at ${socket}, columns “agent_status” and “last_agt” of ${lineName(line)}`,
    };
  }
  if (before === undefined) {
    return {
      cause: `the line leads to the host since its address was changed at run time (now ${line.server.address})`,
      where: `“show servers state ${line.view.backend}” at ${socket}`,
    };
  }
  return {
    cause: 'a person or another tool put it in by a command to HAProxy',
    where: `HAProxy’s log: “Server ${lineName(line)} is UP/READY (leaving forced maintenance)”`,
  };
}

function describe({ pid, started }: HaproxyInfo): string {
  return `process ${pid}${started === undefined ? '' : ` of ${new Date(started * 1000).toISOString()}`}`;
}
