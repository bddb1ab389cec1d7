import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import type { AngeliaConfig } from './config.ts';
import { angeliaDdl } from './ddl.ts';
import { type Delivery, startDelivery, type DeliveryStatus } from './delivery.ts';
import { type InterruptionNotices, openInterruptionNotices } from './interruption-notices.ts';
import { assertMessageId, digestMessage, type Message, refuseTooMany } from './message.ts';
import { listQueue, retry } from './queue.ts';
import { parseRecipient } from './recipient.ts';
import { sendMessage } from './send.ts';
import { openSpool, type Spool } from './spool.ts';

/** Milliseconds that a caller waits for the first try; the message is stored by then in any case. */
const patience = 5000;

/** @throws Problem `bad-smtp-configuration`, `bad-endpoint` */
export async function startAngelia(setup: AgentSetup<AngeliaConfig>): Promise<Agent> {
  const { config, log } = setup;
  assertSmtp(config);
  assertEndpoints(config);
  const spool = await openSpool(join(setup.stateDirectory, 'spool'), Date.now());
  const delivery = startDelivery({
    spool,
    send: (message, signal) => sendMessage(message, setup, signal),
    retry: config.retry,
    timeout: config.timeout * 1000,
    log,
  });
  const notices = await openInterruptionNotices({
    directory: join(setup.stateDirectory, 'held'),
    most: config.max_queued,
    send: (message) => sendHeld(message, spool, delivery, config.max_queued),
    log,
  });
  const handlers = defineHandlers(angeliaDdl, {
    sendmsg: async (
      { recipient, subject, message, priority, hold },
      { requestId: id, runId, caller, dryRun, signal, progress },
    ) => {
      assertMessageId(id);
      parseRecipient(recipient, config);
      const now = Date.now();
      const rest = { acceptedAt: now, attempts: 0, nextAt: now, lastError: '' };
      const accepted: Message = { id, recipient, subject, message, priority, caller, ...rest };
      if (hold !== undefined && !dryRun) return await holdMessage(notices, runId, accepted, hold);
      const known = knownStatus(spool, accepted);
      if (dryRun) return { id, delivered: known?.kind === 'delivered', queued: false };
      if (known === undefined) await accept(spool, accepted, config.max_queued);
      const state = known ?? (await firstStatus(delivery, id, signal));
      if (state.kind === 'dead') throw undeliverable(state.reason);
      if (state.kind === 'waiting') progress(`kept for another try: ${state.reason}`);
      return { id, delivered: state.kind === 'delivered', queued: state.kind === 'waiting' };
    },
    queue: async () => listQueue(spool, Date.now()),
    retry: async ({ id }, { dryRun }) => retry(spool, delivery, id, dryRun),
    status: async () => ({
      queued: spool.queued.size,
      delivered: spool.delivered.size,
      dead: spool.dead.size,
      oldest: oldest(spool),
    }),
  });
  const stop = async () => {
    notices.stop();
    await delivery.stop();
  };
  return { handlers, stop };
}

/** @param seconds 0 withdraws it */
async function holdMessage(notices: InterruptionNotices, run: string, message: Message, seconds: number) {
  const nothing = { delivered: false, queued: false };
  if (seconds === 0) {
    await notices.withdraw(run, message.caller);
    return { id: message.id, ...nothing, held: false };
  }
  return { ...(await notices.keep(run, message, seconds)), ...nothing, held: true };
}

/** After a crash its request may come again: it is sent once. */
async function sendHeld(message: Message, spool: Spool, delivery: Delivery, most: number): Promise<void> {
  const { id } = message;
  if (!spool.queued.has(id) && !spool.delivered.has(id) && !spool.dead.has(id)) await accept(spool, message, most);
  void delivery.attempt(id);
}

/** A password goes only over verified TLS. */
function assertSmtp({ smtp }: AngeliaConfig): void {
  if (smtp === undefined || (smtp.user === undefined && smtp.password_file === undefined)) return;
  const fault =
    smtp.user === undefined || smtp.password_file === undefined
      ? '“user” requires “password_file”, and the reverse'
      : smtp.tls === 'none' || smtp.tls === 'opportunistic'
        ? 'a password needs “tls: required” or “tls: implicit”'
        : undefined;
  if (fault !== undefined) throw new Problem('bad-smtp-configuration', `angelia’s smtp: ${fault}`);
}

/** A service accepts known fields; others would be dropped silently. */
function assertEndpoints({ webhooks = {}, push = {} }: AngeliaConfig): void {
  for (const [name, endpoint] of Object.entries({ ...webhooks, ...push })) {
    if (typeof endpoint === 'string' || endpoint.fields === undefined) continue;
    const { format = 'json' } = endpoint;
    if (format === 'json' || format === 'form') continue;
    throw new Problem(
      'bad-endpoint',
      `angelia’s ${name}: “fields” cannot be combined with “format: ${format}”`,
      'leave one out',
    );
  }
}

/** The known message with that id. @throws Problem `id-reused` when that was another message */
function knownStatus(spool: Spool, message: Message): DeliveryStatus | undefined {
  const queued = spool.queued.get(message.id);
  const ended = spool.delivered.get(message.id) ?? spool.dead.get(message.id);
  const digest = queued === undefined ? ended?.digest : digestMessage(queued);
  if (digest === undefined) return undefined;
  if (digest !== digestMessage(message)) {
    throw new Problem('id-reused', `the id ${message.id} belongs to another message`, 'make a new request');
  }
  if (queued !== undefined) return { kind: 'waiting', reason: queued.lastError || 'it is being delivered' };
  return ended?.reason === '' ? { kind: 'delivered' } : { kind: 'dead', reason: ended?.reason ?? '' };
}

/** @throws Problem `queue-full`, `spool-unwritable` */
async function accept(spool: Spool, message: Message, most: number): Promise<void> {
  refuseTooMany([...spool.queued.values()], message.caller, most, 'wait');
  try {
    await spool.put(message);
  } catch (cause) {
    throw new Problem('spool-unwritable', `the message cannot be kept: ${explainErrno(cause)}`, '', { cause });
  }
}

async function firstStatus(delivery: Delivery, id: string, signal: AbortSignal): Promise<DeliveryStatus> {
  const enough = new AbortController();
  const late = sleep(patience, undefined, { signal: AbortSignal.any([signal, enough.signal]) }).catch(() => {});
  try {
    const waiting: DeliveryStatus = { kind: 'waiting', reason: 'it is being delivered' };
    return await Promise.race([delivery.attempt(id), late.then(() => waiting)]);
  } finally {
    enough.abort();
  }
}

function undeliverable(reason: string): Problem {
  return new Problem('undeliverable', `the message cannot be delivered: ${reason}`, 'it is kept with the dead letters');
}

/** Seconds. */
function oldest({ queued }: Spool): number {
  const first = Math.min(...[...queued.values()].map(({ acceptedAt }) => acceptedAt));
  return Number.isFinite(first) ? Math.max(0, Math.round((Date.now() - first) / 1000)) : 0;
}
