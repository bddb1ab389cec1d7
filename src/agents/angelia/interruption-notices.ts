/**
 * Messages that are sent unless their run renews or withdraws them in time: they report a run whose client was killed.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories, replaceFile, syncDirectory } from '../../core/files/durable.ts';
import { Problem } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { isObject } from '../../core/json.ts';
import { type Message, parseMessage, refuseTooMany } from './message.ts';

export interface InterruptionNotices {
  /**
   * Stores a message of a run for a number of seconds, instead of its earlier one; the id stays.
   * @throws Problem `no-run`, `not-yours`, `queue-full`
   */
  readonly keep: (run: string, message: Message, seconds: number) => Promise<{ readonly id: string }>;
  /** @returns whether there was one. @throws Problem `no-run`, `not-yours` */
  readonly withdraw: (run: string, caller: string) => Promise<boolean>;
  readonly stop: () => void;
}

export interface InterruptionNoticesOptions {
  readonly directory: string;
  readonly most: number;
  /** Accepts a message for delivery; throws if it cannot be accepted yet. */
  readonly send: (message: Message) => Promise<void>;
  readonly log: Log;
}

interface StoredNotice {
  readonly message: Message;
  readonly seconds: number;
  readonly timer: NodeJS.Timeout;
}

/** Milliseconds until a message that could not be accepted is tried again. */
const retryAfter = 5000;

/** Messages from before a restart are kept for their full time again: their run may continue. */
export async function openInterruptionNotices({
  directory,
  most,
  send,
  log,
}: InterruptionNoticesOptions): Promise<InterruptionNotices> {
  await makeDirectories(directory, 0o700);
  const notices = new Map<string, StoredNotice>();
  let isStopped = false;
  const fileOf = (run: string) => join(directory, `${run}.json`);
  const hold = (run: string, message: Message, seconds: number, wait = seconds * 1000) => {
    if (isStopped) return;
    clearTimeout(notices.get(run)?.timer);
    const timer = setTimeout(() => void lapse(run), wait);
    notices.set(run, { message, seconds, timer });
  };
  const drop = async (run: string) => {
    clearTimeout(notices.get(run)?.timer);
    notices.delete(run);
    await rm(fileOf(run), { force: true });
    // What a run has withdrawn does not come back after a power cut.
    await syncDirectory(directory);
  };
  const lapse = async (run: string) => {
    const kept = notices.get(run);
    if (kept === undefined) return;
    try {
      const now = Date.now();
      await send({ ...kept.message, acceptedAt: now, nextAt: now });
      log.warn({ run, recipient: kept.message.recipient }, 'a run was not heard of in time: its notice is sent');
      if (notices.get(run) === kept) await drop(run);
    } catch (error) {
      log.error({ run, reason: String(error) }, 'the notice of a run can’t be sent yet');
      if (notices.get(run) === kept) hold(run, kept.message, kept.seconds, retryAfter);
    }
  };
  for (const { run, message, seconds } of await loadHeld(directory)) hold(run, message, seconds);
  return {
    keep: async (run, incoming, seconds) => {
      const before = requireOwn(notices, run, incoming.caller);
      if (before === undefined) {
        const held = [...notices.values()].map(({ message }) => message);
        refuseTooMany(held, incoming.caller, most, 'are held');
      }
      const message = { ...incoming, id: before?.message.id ?? incoming.id };
      await replaceFile(fileOf(run), JSON.stringify({ message, seconds }));
      hold(run, message, seconds);
      return { id: message.id };
    },
    withdraw: async (run, caller) => {
      const known = requireOwn(notices, run, caller) !== undefined;
      if (known) await drop(run);
      return known;
    },
    stop: () => {
      isStopped = true;
      for (const { timer } of notices.values()) clearTimeout(timer);
    },
  };
}

/** The message of a run, if that caller may change it. @throws Problem `no-run`, `not-yours` */
function requireOwn(notices: ReadonlyMap<string, StoredNotice>, run: string, caller: string): StoredNotice | undefined {
  if (!/^[0-9a-f]{32}$/.test(run)) {
    throw new Problem('no-run', 'a message is held for a run, and the request does not name one');
  }
  const kept = notices.get(run);
  if (kept !== undefined && kept.message.caller !== caller) {
    throw new Problem('not-yours', `the message of this run is held for ${kept.message.caller}`);
  }
  return kept;
}

async function loadHeld(directory: string): Promise<{ run: string; message: Message; seconds: number }[]> {
  const names = (await readdir(directory)).filter((name) => /^[0-9a-f]{32}\.json$/.test(name));
  const read = names.map(async (name) => {
    const kept = parseHeld(await readFile(join(directory, name), 'utf8'));
    return kept === undefined ? [] : [{ run: name.slice(0, -'.json'.length), ...kept }];
  });
  return (await Promise.all(read)).flat();
}

function parseHeld(text: string): { message: Message; seconds: number } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const message = isObject(value) ? parseMessage(JSON.stringify(value.message)) : undefined;
    return isObject(value) && message !== undefined && typeof value.seconds === 'number'
      ? { message, seconds: value.seconds }
      : undefined;
  } catch {
    return undefined;
  }
}
