import { isObject } from '../../../core/json.ts';
import type { EndpointConfig } from '../config.ts';
import { DeliveryFailure } from './failure.ts';

/** The answer of a receiver. */
export interface Answer {
  readonly status: number;
  /** The header Retry-After; empty where there is none. */
  readonly retryAfter: string;
  /** The beginning of the body; empty if it does not matter. */
  readonly body: string;
}

type Format = NonNullable<EndpointConfig['format']>;

/** Milliseconds: the longest wait that a receiver can ask for. */
const longestWait = 3600_000;
/** Statuses below 500 that another try may change: timeout, too early, too many (RFC 9110, RFC 8470, RFC 6585). */
const passing = [408, 425, 429];

/**
 * The body of a successful answer, by service; undefined if only the status counts. By their own documentation: Slack's
 * and Mattermost's webhooks say `ok`; a connector of Teams says `1`, a workflow nothing, and both may answer 200 with
 * an error message; Pushover says `status: 1`, ntfy returns the message.
 */
const accepted: Readonly<Record<Format, ((body: string) => boolean) | undefined>> = {
  json: undefined,
  form: undefined,
  boxcar: undefined,
  slack: (body) => ['', 'ok'].includes(body) || fieldOf(body, 'ok') === true,
  mattermost: (body) => ['', 'ok'].includes(body),
  teams: (body) => ['', '1'].includes(body) || (isObject(parse(body)) && fieldOf(body, 'error') === undefined),
  ntfy: (body) => typeof fieldOf(body, 'id') === 'string',
  pushover: (body) => fieldOf(body, 'status') === 1,
};

/** Whether the body of a successful answer matters. */
export function readsBody({ format = 'json' }: EndpointConfig): boolean {
  return accepted[format] !== undefined;
}

/**
 * Judges whether a message was accepted.
 * @param now milliseconds since the epoch
 * @throws DeliveryFailure when it was not
 */
export function judge({ format = 'json' }: EndpointConfig, { status, retryAfter, body }: Answer, now: number): void {
  const text = body.trim();
  const isGood = status >= 200 && status <= 299;
  if (isGood && (accepted[format]?.(text) ?? true)) return;
  // The error of the service behind the receiver: Teams passes on its own “HTTP error 429”.
  const inner = /\bHTTP error (\d{3})\b/.exec(text)?.[1];
  const real = inner === undefined ? status : Number(inner);
  const permanent = (real >= 300 && real < 500 && !passing.includes(real)) || (isGood && isPermanent(text));
  const quoted = text === '' ? '' : `: “${firstLineOf(text)}”`;
  throw new DeliveryFailure(`the receiver answered with status ${status}${quoted}`, permanent, waitOf(retryAfter, now));
}

/** Error messages that another try does not change: those of Slack's API and Teams. */
function isPermanent(text: string): boolean {
  return /invalid_|not_found|no_service|no_text|channel_is_archived|action_prohibited|webhook.*(removed|disabled)/i.test(
    text,
  );
}

/** Retry-After is a number of seconds or a date (RFC 9110, section 10.2.3). */
function waitOf(retryAfter: string, now: number): number {
  const wait = /^[0-9]{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now;
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(0, wait), longestWait);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function fieldOf(body: string, name: string): unknown {
  const value = parse(body);
  return isObject(value) ? value[name] : undefined;
}

function firstLineOf(text: string): string {
  return (text.split(/[\r\n]+/, 1)[0] ?? '').replace(/\p{C}/gu, ' ').slice(0, 200);
}
