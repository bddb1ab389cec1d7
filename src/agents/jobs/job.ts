/** The stored data of a job. Pure. */
import { isObject, type JsonObject } from '../../core/json.ts';
import type { ReplyContent } from '../../core/request/reply.ts';

export interface Job {
  readonly id: string;
  readonly caller: string;
  readonly agent: string;
  readonly action: string;
  readonly run: string;
  /** `running`, the outcome of its reply, or `unknown`. */
  readonly state: string;
  /** Milliseconds since the epoch; `ended` is 0 while it runs. */
  readonly began: number;
  readonly ended: number;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly data: JsonObject;
  /** Whether its output was too large to be stored. */
  readonly left_out: boolean;
}

const texts = ['id', 'caller', 'agent', 'action', 'run', 'state', 'code', 'message'] as const;
const numbers = ['began', 'ended', 'status'] as const;
const longestMessage = 4000;

export function endJob(
  job: Job,
  { outcome, status, code, message, data }: ReplyContent,
  now: number,
  mostOutput: number,
): Job {
  const left_out = Buffer.byteLength(JSON.stringify(data)) > mostOutput;
  const end = { state: outcome, status, code, message: message.slice(0, longestMessage), ended: now };
  return { ...job, ...end, data: left_out ? {} : { ...data }, left_out };
}

/** A job that ran when the daemon died: its result is unknown, and it is not run again. */
export function markJobUnknown(job: Job, now: number): Job {
  if (job.state !== 'running') return job;
  const message = 'the daemon ended while it ran: whether it completed is not known';
  return { ...job, state: 'unknown', ended: now, code: 'interrupted', message };
}

/** Undefined for anything but a stored job. */
export function parseJob(text: string): Job | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isRight =
      isObject(value) &&
      texts.every((key) => typeof value[key] === 'string') &&
      numbers.every((key) => Number.isSafeInteger(value[key])) &&
      isObject(value.data) &&
      typeof value.left_out === 'boolean';
    return isRight ? (value as unknown as Job) : undefined;
  } catch {
    return undefined;
  }
}
