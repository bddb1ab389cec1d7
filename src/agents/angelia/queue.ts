import { Problem } from '../../core/errors.ts';
import type { Delivery } from './delivery.ts';
import type { Message } from './message.ts';
import type { Spool } from './spool.ts';

/** How many of each kind are listed. */
const longestList = 100;

/** Waiting messages and dead letters, the oldest first. @param now milliseconds since the epoch */
export async function listQueue({ queued, dead, deadLetter }: Spool, now: number) {
  const waiting = [...queued.values()].sort((a, b) => a.acceptedAt - b.acceptedAt).slice(0, longestList);
  const letters = await Promise.all([...dead.keys()].slice(0, longestList).map(deadLetter));
  return {
    queued: waiting.map((message) => ({
      ...summarize(message, now),
      reason: message.lastError,
      next: Math.max(0, secondsBetween(now, message.nextAt)),
    })),
    dead: letters
      .filter((message) => message !== undefined)
      .map((message) => ({ ...summarize(message, now), reason: dead.get(message.id)?.reason ?? '' })),
  };
}

function summarize({ id, recipient, subject, acceptedAt, attempts }: Message, now: number) {
  return { id, recipient, subject, age: Math.max(0, secondsBetween(acceptedAt, now)), attempts };
}

function secondsBetween(from: number, to: number): number {
  return Math.round((to - from) / 1000);
}

/**
 * Tries messages now, without waiting for the result.
 * @param id a waiting message or a dead letter; all waiting ones when undefined
 * @throws Problem `unknown-message`, `already-delivered`
 */
export async function retry(spool: Spool, delivery: Delivery, id: string | undefined, dryRun: boolean) {
  const ids = id === undefined ? [...spool.queued.keys()] : [id];
  if (id !== undefined && !spool.queued.has(id)) await revive(spool, id, dryRun);
  if (!dryRun) for (const one of ids) void delivery.attempt(one);
  return { retried: ids };
}

/** A dead letter starts again: its age counts from now. */
async function revive(spool: Spool, id: string, dryRun: boolean): Promise<void> {
  if (spool.delivered.has(id)) throw new Problem('already-delivered', `the message ${id} was delivered`);
  const message = spool.dead.has(id) ? await spool.deadLetter(id) : undefined;
  if (message === undefined) throw new Problem('unknown-message', `there is no message ${id}`, 'see angelia’s “queue”');
  const now = Date.now();
  if (!dryRun) await spool.revive({ ...message, acceptedAt: now, nextAt: now, attempts: 0 });
}
