import { createHash } from 'node:crypto';
import { Problem } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { whyNoMore } from '../../core/shares.ts';
import { priorities } from './ddl.ts';

export type Priority = (typeof priorities)[number];

/** A message in the spool. Times are milliseconds since the epoch. */
export interface Message {
  /** The id of the request: one for all nodes and tries of a call, so that receivers can drop a duplicate. */
  readonly id: string;
  readonly recipient: string;
  readonly subject: string;
  readonly message: string;
  readonly priority: Priority;
  readonly caller: string;
  readonly acceptedAt: number;
  readonly attempts: number;
  readonly nextAt: number;
  readonly lastError: string;
}

/**
 * @param kept the messages that are kept there
 * @param most how many there may be, of all callers
 * @param what they do, as in “wait”
 * @throws Problem `queue-full`
 */
export function refuseTooMany(kept: readonly Message[], caller: string, most: number, what: string): void {
  const callers = kept.map((one) => one.caller);
  const full = whyNoMore(most, callers, caller, ['messages', what]);
  if (full !== undefined) throw new Problem('queue-full', full, 'find out why they are not delivered');
}

/** It becomes part of file names and headers. @throws Problem `bad-id` */
export function assertMessageId(id: string): void {
  if (/^[A-Za-z0-9-]{1,64}$/.test(id)) return;
  throw new Problem('bad-id', 'the id of the request cannot name a message');
}

/** The content and the recipient of a message: the same id with another digest is another message. */
export function digestMessage({ recipient, subject, message }: Pick<Message, 'recipient' | 'subject' | 'message'>) {
  return createHash('sha256')
    .update(JSON.stringify([recipient, subject, message]))
    .digest('hex');
}

const strings = ['id', 'recipient', 'subject', 'message', 'caller', 'lastError'];
const numbers = ['acceptedAt', 'attempts', 'nextAt'];

/** A message from the spool; undefined when it was changed. */
export function parseMessage(text: string): Message | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const fits =
    strings.every((key) => typeof value[key] === 'string') && numbers.every((key) => Number.isFinite(value[key]));
  if (!fits) return undefined;
  const kept = Object.fromEntries([...strings, ...numbers].map((key) => [key, value[key]]));
  // Messages of an older version have none.
  const priority = priorities.find((one) => one === value.priority) ?? 'normal';
  return { ...kept, priority } as Message;
}
