import { defineSlots } from '../../core/waiting/concurrency.ts';
import { explainErrno } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { backoff, type RetryPolicy } from './channels/backoff.ts';
import { DeliveryFailure } from './channels/failure.ts';
import type { Message } from './message.ts';
import type { Spool } from './spool.ts';

/** The result of one try. */
export type DeliveryStatus =
  | { readonly kind: 'delivered' }
  /** `wait`: milliseconds until the next try. */
  | { readonly kind: 'waiting'; readonly reason: string; readonly wait?: number }
  | { readonly kind: 'dead'; readonly reason: string };

export interface DeliverySetup {
  readonly spool: Spool;
  /** @throws DeliveryFailure */
  readonly send: (message: Message, signal: AbortSignal) => Promise<void>;
  readonly retry: RetryPolicy;
  /** The timeout of one try in milliseconds. */
  readonly timeout: number;
  readonly log: Log;
}

/** Running deliveries: messages in the spool are tried until they are delivered or become dead letters. */
export interface Delivery {
  /** Tries a message of the spool now (or joins the running try). */
  readonly attempt: (id: string) => Promise<DeliveryStatus>;
  /** Cuts off running deliveries, and returns when none is left; the spool keeps undelivered messages. */
  readonly stop: () => Promise<void>;
}

const atOnce = 4;

export function startDelivery(setup: DeliverySetup): Delivery {
  const { spool, log } = setup;
  const ending = new AbortController();
  const timers = new Map<string, NodeJS.Timeout>();
  const underWay = new Map<string, Promise<DeliveryStatus>>();
  const slots = defineSlots(atOnce);
  const sent = new Set<string>();

  const schedule = (id: string, wait: number) => {
    clearTimeout(timers.get(id));
    if (ending.signal.aborted) return;
    const timer = setTimeout(() => void attempt(id), Math.max(0, wait));
    timers.set(id, timer);
  };
  /** Those of each caller in turn: one with many to a receiver that does not answer does not hold up the others’. */
  const inTurn = async (id: string) => {
    const release = await slots.take(spool.queued.get(id)?.caller);
    return await tryOnce(setup, id, sent, ending.signal).finally(release);
  };
  const attempt = (id: string): Promise<DeliveryStatus> => {
    const running = underWay.get(id);
    if (running !== undefined) return running;
    clearTimeout(timers.get(id));
    timers.delete(id);
    const trying = inTurn(id)
      .catch((error): DeliveryStatus => {
        log.error({ id, reason: explainErrno(error) }, 'the spool cannot be written');
        return { kind: 'waiting', reason: 'the spool cannot be written' };
      })
      .then((status) => {
        underWay.delete(id);
        // A message whose end could not be recorded is due already: it must not be tried in a tight loop.
        const wait = status.kind === 'waiting' ? (status.wait ?? 0) : 0;
        if (spool.queued.has(id)) schedule(id, Math.max(wait, setup.retry.first * 500));
        return status;
      });
    underWay.set(id, trying);
    return trying;
  };
  // If the clock was set back while a message waited, its time is far away.
  const longest = setup.retry.longest * 1000;
  for (const { id, nextAt } of spool.queued.values()) schedule(id, Math.min(nextAt - Date.now(), longest));
  return {
    attempt,
    stop: async () => {
      ending.abort();
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(underWay.values());
    },
  };
}

/** @param sent ids that were sent, but whose end could not be recorded yet: they are not sent again */
async function tryOnce(
  setup: DeliverySetup,
  id: string,
  sent: Set<string>,
  ending: AbortSignal,
): Promise<DeliveryStatus> {
  const { spool, send, timeout, log } = setup;
  const message = spool.queued.get(id);
  if (message === undefined || ending.aborted) return { kind: 'waiting', reason: 'the daemon is stopping' };
  try {
    if (!sent.has(id)) await send(message, AbortSignal.any([ending, AbortSignal.timeout(Math.ceil(timeout))]));
  } catch (error) {
    if (ending.aborted) return { kind: 'waiting', reason: 'the daemon is stopping' };
    return settleFailure(setup, message, error);
  }
  sent.add(id);
  await spool.settle(message, Date.now(), '');
  sent.delete(id);
  log.info({ id, recipient: message.recipient, attempts: message.attempts + 1 }, 'message delivered');
  return { kind: 'delivered' };
}

async function settleFailure(
  { spool, retry, log }: DeliverySetup,
  message: Message,
  error: unknown,
): Promise<DeliveryStatus> {
  const now = Date.now();
  const failure = error instanceof DeliveryFailure ? error : new DeliveryFailure(String(error), false);
  const attempts = message.attempts + 1;
  const wait = Math.max(failure.wait, backoff(attempts, retry, Math.random()));
  const tooOld = now + wait - message.acceptedAt > retry.age * 1000;
  const fields = { id: message.id, recipient: message.recipient, attempts, reason: failure.message };
  if (failure.permanent || tooOld) {
    await spool.settle({ ...message, attempts }, now, failure.message);
    log.error(fields, 'message given up');
    return { kind: 'dead', reason: failure.message };
  }
  await spool.put({ ...message, attempts, nextAt: now + wait, lastError: failure.message });
  log.warn({ ...fields, again: Math.round(wait / 1000) }, 'message not delivered yet');
  return { kind: 'waiting', reason: failure.message, wait };
}
