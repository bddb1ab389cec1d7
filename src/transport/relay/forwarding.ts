import { Problem } from '../../core/errors.ts';
import type { ForwardEvent, ForwardRequest, SealedEvent, SealedRequest, Withheld } from '../../core/wire/messages.ts';

/** Passes sealed requests on over a relay, all of them in one stream. */
export type Forward = (
  target: string,
  sealed: SealedRequest,
  onEvent: (event: SealedEvent) => void,
  signal: AbortSignal,
) => Promise<void>;

export interface Forwarding {
  readonly forward: Forward;
  /** Whether no request waits for its reply. */
  readonly isIdle: () => boolean;
  /** Ends the stream: an open one would keep the connection, and the program, for some time. */
  readonly close: () => void;
}

/** A stream of requests to a relay. */
export interface ForwardStream {
  readonly write: (request: ForwardRequest) => void;
  readonly cancel: () => void;
}

/** The replies. */
export interface ForwardReader {
  readonly event: (event: ForwardEvent) => void;
  /** Called once, when nothing more will come. @param how it ended, as in “the relay … ended the connection” */
  readonly lost: (how: string) => void;
}

interface Pending {
  readonly target: string;
  readonly onEvent: (event: SealedEvent) => void;
  readonly settle: (problem?: Problem) => void;
}

/** The other end of a stream: a relay, or the target itself. */
export interface OtherEnd {
  /** For messages, as in “the relay bastion”. */
  readonly what: string;
  /** Why it must not be used any more, asked before every request. */
  readonly refuse: () => Problem | undefined;
  /** The problem of a request that the other end reports as not answered. */
  readonly ended: (target: string, end: Withheld) => Problem;
}

/**
 * @param openStream opens a stream when there is something to send, and again after one was lost
 * @returns resolves when the other end reports that the reply is complete; rejects with the problem that it names
 */
export function startForwarding(
  openStream: (reader: ForwardReader) => ForwardStream,
  { what, refuse, ended }: OtherEnd,
): Forwarding {
  const pending = new Map<number, Pending>();
  let stream: ForwardStream | undefined;
  let last = 0;

  const fail = (problem: Problem) => {
    stream = undefined;
    for (const { settle } of [...pending.values()]) settle(problem);
  };
  const open = () => {
    if (stream !== undefined) return stream;
    const opened = openStream({
      event: (event) => receive(event, pending, ended),
      lost: (how) => {
        if (stream === opened) fail(new Problem('no-response', `${what} ${how}`));
      },
    });
    stream = opened;
    return opened;
  };

  const forward: Forward = (target, sealed, onEvent, signal) =>
    new Promise((resolve, reject) => {
      const refused = refuse();
      if (refused !== undefined) return reject(refused);
      if (signal.aborted) return reject(cancelled(target));
      last++;
      const id = last;
      const to = open();
      const onAbort = () => {
        if (stream === to) to.write({ id, target, drop: true });
        settle(cancelled(target));
      };
      const settle = (problem?: Problem) => {
        pending.delete(id);
        signal.removeEventListener('abort', onAbort);
        if (problem === undefined) resolve();
        else reject(problem);
      };
      pending.set(id, { target, onEvent, settle });
      signal.addEventListener('abort', onAbort, { once: true });
      to.write({ id, target, sealed, drop: false });
    });
  return {
    forward,
    isIdle: () => pending.size === 0,
    close: () => {
      const open = stream;
      fail(new Problem('cancelled', `the connection to ${what} is closed`));
      open?.cancel();
    },
  };
}

function receive(
  { id, event, end }: ForwardEvent,
  pending: ReadonlyMap<number, Pending>,
  ended: OtherEnd['ended'],
): void {
  const one = pending.get(id);
  // An unexpected reply is made up, or comes too late.
  if (one === undefined) return;
  if (event) one.onEvent(event);
  if (end) one.settle(end.code === '' ? undefined : ended(one.target, end));
}

function cancelled(target: string): Problem {
  return new Problem('cancelled', `the call to ${target} was cancelled`);
}

/** A relay, whose reports about a target prove nothing: all of them count as silence (Problem `no-response`). */
export function relayEnd(relay: string, refuse: () => Problem | undefined): OtherEnd {
  return {
    what: `the relay ${relay}`,
    refuse,
    ended: (target, { code, message }) => {
      const detail = `${code}${message === '' ? '' : `, ${message.slice(0, 300)}`}`;
      return new Problem('no-response', `${target} did not answer over the relay ${relay} (it says: ${detail})`);
    },
  };
}
