import type { ActionContext } from '../../../core/agent.ts';
import { count } from '../../../core/text.ts';
import { change, readBackend } from './backend.ts';
import {
  formatServer,
  type LoadBalancer,
  type ChangeRequest,
  type SocketServer,
  serverOnSockets,
} from '../actions/change-request.ts';
import { forEach } from '../runtime/parallel.ts';
import { pause } from '../runtime/mutex.ts';

/** Milliseconds between two looks at the sessions that are left, and between two words about them. */
const lookEvery = 25;
const tellEvery = 1000;
/** Milliseconds that sessions may take to be gone once they were ended. */
const endTimeout = 2000;

/**
 * Waits until servers have no sessions left, or the time is over, and tells how many there still are.
 * @param seconds how long
 */
export async function waitForSessions(
  balancer: LoadBalancer,
  request: ChangeRequest,
  seconds: number,
  context: Pick<ActionContext, 'signal' | 'progress'>,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let told = '';
  let nextWord = 0;
  for (;;) {
    const words = (await busySeats(balancer, request, context.signal)).words;
    if (words === '') return;
    const now = performance.now();
    if (now >= deadline) return context.progress(`sessions left after ${seconds} s: ${words}`);
    if (words !== told && now >= nextWord) {
      context.progress(`waiting for sessions to end: ${words}`);
      told = words;
      nextWord = now + tellEvery;
    }
    await pause(lookEvery, context.signal);
  }
}

/** Ends what is left, by force, and waits until it is gone. @returns how many sessions were ended */
export async function endSessions(
  balancer: LoadBalancer,
  request: ChangeRequest,
  context: Pick<ActionContext, 'signal' | 'progress'>,
): Promise<number> {
  const { seats, total, words } = await busySeats(balancer, request, context.signal);
  if (total === 0) return 0;
  context.progress(`ending what is left: ${words}`);
  await forEach(seats, ({ view, server }) =>
    change(view.runtime, `shutdown sessions server ${view.backend}/${server.name}`, context.signal),
  );
  await waitForSessions(balancer, request, endTimeout / 1000, context);
  return total;
}

/** Where sessions are left; in words `dev2.devco.net: 3 sessions` for each server that has any. */
async function busySeats(balancer: LoadBalancer, request: ChangeRequest, signal: AbortSignal) {
  const views = await readBackend(balancer.runtimes, request.backend, signal);
  const busy = request.targets
    .map((target) => ({
      target,
      seats: serverOnSockets(views, target.server).filter(({ server }) => server.sessions > 0),
    }))
    .map((one) => ({ ...one, sessions: sum(one.seats) }))
    .filter(({ sessions }) => sessions > 0);
  return {
    seats: busy.flatMap(({ seats }) => seats),
    total: busy.reduce((total, { sessions }) => total + sessions, 0),
    words: busy.map(({ target, sessions }) => `${formatServer(target)}: ${count(sessions, 'session')}`).join(', '),
  };
}

function sum(seats: readonly SocketServer[]): number {
  return seats.reduce((total, { server }) => total + server.sessions, 0);
}
