import { Problem } from '../../core/errors.ts';
import type { ForwardEvent, ForwardRequest, SealedEvent, SealedRequest } from '../../core/wire/messages.ts';

/** Passes sealed requests on over a relay, all of them in one stream. */
export type Forward = (
  target: string,
  sealed: SealedRequest,
  onEvent: (event: SealedEvent) => void,
  signal: AbortSignal,
) => Promise<void>;

export interface Forwarding {
  readonly forward: Forward;
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

/**
 * @param openStream opens a stream when there is something to send, and again after one was lost
 * @param refuse why the relay must not be used any more, asked before every request
 * @returns resolves when the relay reports that the target ended its reply; rejects with Problem `no-response` when the
 * relay withholds it or is lost, with its reason
 */
export function startForwarding(
  openStream: (reader: ForwardReader) => ForwardStream,
  relay: string,
  refuse: () => Problem | undefined,
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
      event: (event) => receive(event, pending, relay),
      lost: (how) => {
        if (stream === opened) fail(new Problem('no-response', `the relay ${relay} ${how}`));
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
    close: () => {
      const open = stream;
      fail(new Problem('cancelled', `the connection to the relay ${relay} is closed`));
      open?.cancel();
    },
  };
}

function receive({ id, event, end }: ForwardEvent, pending: ReadonlyMap<number, Pending>, relay: string): void {
  const one = pending.get(id);
  // An unexpected reply is made up, or comes too late.
  if (one === undefined) return;
  if (event) one.onEvent(event);
  if (end) one.settle(end.code === '' ? undefined : withheld(relay, one.target, end));
}

function cancelled(target: string): Problem {
  return new Problem('cancelled', `the call to ${target} was cancelled`);
}

/** A relay's reports about a target prove nothing: all of them count as silence. */
function withheld(relay: string, target: string, { code, message }: { code: string; message: string }): Problem {
  const detail = `${code}${message === '' ? '' : `, ${message.slice(0, 300)}`}`;
  return new Problem('no-response', `${target} did not answer over the relay ${relay} (it says: ${detail})`);
}
