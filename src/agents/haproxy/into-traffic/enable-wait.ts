import { Problem } from '../../../core/errors.ts';
import { pause } from '../runtime/mutex.ts';
import { forEach } from '../runtime/parallel.ts';
import { findReplaced, type Processes, readInfos } from '../runtime/process.ts';
import { type BackendView, refreshViews, runtimesOf } from '../servers/backend.ts';
import { linesOf } from '../servers/line.ts';
import type { HostEntry } from './enable-host.ts';
import { formatHost, namesOf } from '../actions/report.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import type { Request } from '../actions/change-request.ts';

/** Milliseconds between two reads of the checks. */
const readEvery = 15;

interface Waiting {
  readonly entries: readonly HostEntry[];
  /** The processes in which they began. */
  readonly known: Processes;
}

/**
 * Brings hosts step by step into traffic until all are in. If HAProxy is reloaded meanwhile, its lines begin again.
 * @throws Problem `server-not-up` once `enable_timeout` is over
 */
export async function waitForAll(
  { config }: LoadBalancer,
  { views: before }: Request,
  { entries, known }: Waiting,
  signal: AbortSignal,
): Promise<readonly BackendView[]> {
  const deadline = performance.now() + config.enable_timeout * 1000;
  let processes = known;
  for (;;) {
    const views = await refreshViews(before, signal);
    // Asked last: if the process is still the known one, the states are its own.
    const now = await readInfos(runtimesOf(before), signal);
    const replaced = findReplaced(processes, now);
    processes = { ...processes, ...now };
    if (replaced.length > 0) await beginAgain(entries, replaced, await refreshViews(before, signal));
    else if (await advance(entries, views)) return views;
    if (performance.now() >= deadline) throw notUp(config.enable_timeout, entries);
    await pause(readEvery, signal);
  }
}

function beginAgain(
  entries: readonly HostEntry[],
  sockets: readonly string[],
  views: readonly BackendView[],
): Promise<void> {
  const all = linesOf(views);
  return forEach(entries, (entry) => entry.beginAgain(sockets, all));
}

/** @returns whether all are in */
async function advance(entries: readonly HostEntry[], views: readonly BackendView[]): Promise<boolean> {
  const all = linesOf(views);
  const open = entries.filter((entry) => !entry.isIn());
  await forEach(open, (entry) => entry.advance(all));
  return entries.every((entry) => entry.isIn());
}

function notUp(seconds: number, entries: readonly HostEntry[]): Problem {
  const down = entries.filter((entry) => !entry.isIn());
  const up = entries.filter((entry) => entry.isIn());
  const why = down.map((entry) => `${formatHost(entry.host)}: ${entry.reason()}`).join(', ');
  const rest = up.length === 0 ? '' : `; enabled: ${namesOf(up.map(({ host }) => host)).join(', ')}`;
  return new Problem(
    'server-not-up',
    `not in traffic within ${seconds} s: ${why}${rest}`,
    'find out why its check fails, or raise “enable_timeout” if HAProxy checks it too seldom (“inter”), then enable it again',
  );
}
