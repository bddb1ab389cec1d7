import { Problem } from '../../../core/errors.ts';
import { breakOf } from '../maintenance/cause.ts';
import { findHeldLine, toHeldLines } from '../maintenance/held-hosts.ts';
import { pause } from '../runtime/mutex.ts';
import { forEach } from '../runtime/parallel.ts';
import { type Processes, readInfos } from '../runtime/process.ts';
import { type BackendView, refreshViews, runtimesOf } from '../servers/backend.ts';
import { lineName, refreshLines, type ServerLine } from '../servers/line.ts';
import { affectedLines, haveAgentChecks, type ScopedHost } from '../servers/scope.ts';
import { inMaintenance } from '../servers/state.ts';
import { formatHost } from './report.ts';
import type { Request } from './change-request.ts';
import type { Changes } from './undo.ts';

/** How often a host that was put in meanwhile is taken out again: a reload may interfere once. */
const tries = 2;

export interface StaysOut {
  readonly views: readonly BackendView[];
  /** The HAProxy processes by socket in which all are out. */
  readonly processes: Processes;
}

/**
 * Checks that hosts are out. If one of their lines has an agent-check, it checks again after a moment: HAProxy does not
 * report how often it asks an agent, so an answer that puts a host in may come late.
 * @param settle milliseconds
 * @throws Problem `not-in-maintenance`, naming the cause
 */
export async function stayOut(
  changes: Changes,
  request: Request,
  settle: number,
  signal: AbortSignal,
): Promise<StaysOut> {
  let known: Processes | undefined;
  const explain = async (intruders: readonly Intruder[]) => {
    // Read again: what it found may be due to a reload after it identified the process.
    const now = await readInfos(runtimesOf(request.views), signal);
    return explainIntruders(intruders, { known: known ?? now, now }, request);
  };
  for (let number = 1; ; number++) {
    const processes = await readInfos(runtimesOf(request.views), signal);
    known ??= processes;
    const first = await findIntruders(request, signal);
    if (first.intruders.length === 0) {
      if (!haveAgentChecks(request.hosts)) return { views: first.views, processes };
      await pause(settle, signal);
      const second = await findIntruders(request, signal);
      if (second.intruders.length === 0) return { views: second.views, processes };
      if (number === tries) throw await explain(second.intruders);
      await takeOutAgain(changes, second.intruders, signal);
    } else {
      if (number === tries) throw await explain(first.intruders);
      await takeOutAgain(changes, first.intruders, signal);
    }
  }
}

/** A line that is not out, or whose agent-check could put it in; undefined for one that is gone. */
interface Intruder {
  readonly host: ScopedHost;
  readonly line: ServerLine | undefined;
}

async function findIntruders({ hosts, views: before }: Request, signal: AbortSignal) {
  const views = await refreshViews(before, signal);
  const intruders = hosts.flatMap((host): Intruder[] => {
    const affected = affectedLines(host);
    const found = refreshLines(affected, views);
    const open = found.filter(({ server }) => !inMaintenance(server) || server.agent.enabled);
    return [...open, ...(found.length < affected.length ? [undefined] : [])].map((line) => ({ host, line }));
  });
  return { views, intruders };
}

async function takeOutAgain(changes: Changes, intruders: readonly Intruder[], signal: AbortSignal): Promise<void> {
  await forEach(
    intruders.flatMap(({ line }) => line ?? []),
    async (line) => {
      if (line.server.agent.enabled) await changes.setAgent(line, false, signal);
      await changes.set(line, 'maint', signal);
    },
  );
}

function explainIntruders(
  [intruder]: readonly Intruder[],
  processes: { readonly known: Processes; readonly now: Processes },
  { hosts }: Request,
): Problem {
  const hint = 'find out what else changes HAProxy, or whether it was reloaded, then try again';
  const shown = intruder === undefined ? '' : formatHost(intruder.host);
  const line = intruder?.line;
  if (line === undefined) return new Problem('not-in-maintenance', `a line of ${shown} is gone from HAProxy`, hint);
  const socket = line.view.runtime.name;
  const [known, now] = [processes.known[socket], processes.now[socket]];
  const before = toHeldLines(hosts.flatMap(affectedLines), [], ({ server }) => server.agent.enabled);
  const why = now && breakOf({ line, before: findHeldLine(before, line), processes: { known, now } }, Date.now());
  const what = `${shown} does not stay out: ${lineName(line)} at ${line.view.runtime.name} is ${line.server.status}`;
  return new Problem('not-in-maintenance', `${what}, ${why?.cause} (see ${why?.where})`, hint);
}
