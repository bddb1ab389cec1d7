import type { ActionContext } from '../../../core/agent.ts';
import { count } from '../../../core/text.ts';
import { pause } from '../runtime/mutex.ts';
import { forEach } from '../runtime/parallel.ts';
import { type BackendView, refreshViews } from './backend.ts';
import { shutdownSessions } from './change.ts';
import { refreshLines, type ServerLine } from './line.ts';

/** A host whose sessions must end: all of its lines together. */
export interface LeavingHost {
  /** For messages. */
  readonly shown: string;
  readonly lines: readonly ServerLine[];
}

/** Milliseconds between two counts of the remaining sessions, and between two reports of them. */
const readEvery = 25;
const reportInterval = 1000;
/** Milliseconds for sessions to be gone after they were ended. */
const endTimeout = 2000;

type Context = Pick<ActionContext, 'signal' | 'progress'>;

/**
 * Waits until hosts have no sessions left, or the time is over, and reports how many there still are.
 * @param seconds how long
 * @returns the backends of the hosts as they were read last
 */
export async function waitForSessions(
  hosts: readonly LeavingHost[],
  seconds: number,
  context: Context,
): Promise<readonly BackendView[]> {
  const deadline = performance.now() + seconds * 1000;
  let reported = '';
  let nextReport = 0;
  for (;;) {
    const { text, views } = await findBusyLines(hosts, context.signal);
    if (text === '') return views;
    const now = performance.now();
    if (now >= deadline) {
      context.progress(`sessions left after ${seconds} s: ${text}`);
      return views;
    }
    if (text !== reported && now >= nextReport) {
      context.progress(`waiting for sessions to end: ${text}`);
      reported = text;
      nextReport = now + reportInterval;
    }
    await pause(readEvery, context.signal);
  }
}

/** Ends the remaining sessions by force, and waits until they are gone. @returns how many sessions were ended */
export async function endSessions(hosts: readonly LeavingHost[], context: Context): Promise<number> {
  const { lines, total, text } = await findBusyLines(hosts, context.signal);
  if (total === 0) return 0;
  context.progress(`ending what is left: ${text}`);
  await forEach(lines, (line) => shutdownSessions(line, context.signal));
  await waitForSessions(hosts, endTimeout / 1000, context);
  return total;
}

/** Hosts with remaining sessions; `text` is `dev2.devco.net: 3 sessions` for each of them. */
async function findBusyLines(hosts: readonly LeavingHost[], signal: AbortSignal) {
  const views = await refreshViews(viewsOf(hosts), signal);
  const busy = hosts
    .map(({ shown, lines }) => ({
      shown,
      lines: refreshLines(lines, views).filter(({ server }) => server.sessions > 0),
    }))
    .map((one) => ({ ...one, sessions: one.lines.reduce((total, { server }) => total + server.sessions, 0) }))
    .filter(({ sessions }) => sessions > 0);
  return {
    views,
    lines: busy.flatMap(({ lines }) => lines),
    total: busy.reduce((total, { sessions }) => total + sessions, 0),
    text: busy.map(({ shown, sessions }) => `${shown}: ${count(sessions, 'session')}`).join(', '),
  };
}

function viewsOf(hosts: readonly LeavingHost[]): BackendView[] {
  return [...new Set(hosts.flatMap(({ lines }) => lines.map(({ view }) => view)))];
}
