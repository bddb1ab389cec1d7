import type { Client, ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { Problem } from '../../core/errors.ts';
import type { ForwardEvent, ForwardRequest, SealedEvent, SealedRequest } from '../../core/wire/messages.ts';
import { relayMethod } from './rpc.ts';

/** Passes sealed requests on over a relay, all of them in one stream. */
export type Forward = (
  target: string,
  sealed: SealedRequest,
  onEvent: (event: SealedEvent) => void,
  signal: AbortSignal,
) => Promise<void>;

export interface Forwarding {
  readonly forward: Forward;
  /** Ends the stream: one that stays open would keep the connection, and the program, for some time. */
  readonly close: () => void;
}

interface Pending {
  readonly target: string;
  readonly onEvent: (event: SealedEvent) => void;
  readonly settle: (problem?: Problem) => void;
}

/**
 * @param refuse why the relay is not to be used any more, asked before every request
 * @returns resolves when the relay says that the target ended its reply; rejects with Problem `no-response` when the relay
 * withholds it or is lost, as it says why
 */
export function startForwarding(client: Client, relay: string, refuse: () => Problem | undefined): Forwarding {
  const pending = new Map<number, Pending>();
  let stream: ClientDuplexStream<ForwardRequest, ForwardEvent> | undefined;
  let last = 0;

  const fail = (problem: Problem) => {
    stream = undefined;
    for (const { settle } of [...pending.values()]) settle(problem);
  };
  const open = () => {
    if (stream !== undefined) return stream;
    const { path, requestSerialize, responseDeserialize } = relayMethod<ForwardRequest, ForwardEvent>('Forward');
    const opened = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream = opened;
    opened.on('data', ({ id, event, end }: ForwardEvent) => {
      const one = pending.get(id);
      // What nobody waits for is made up, or comes too late.
      if (one === undefined) return;
      if (event) one.onEvent(event);
      if (end) one.settle(end.code === '' ? undefined : withheld(relay, one.target, end));
    });
    opened.on('error', (error: ServiceError) => {
      // Not as the relay words it: a refusal of its own making must not pass for the target's.
      if (stream === opened) fail(new Problem('no-response', `the relay ${relay} is lost: ${error.details}`));
    });
    opened.on('end', () => {
      if (stream === opened) fail(new Problem('no-response', `the relay ${relay} ended the connection`));
    });
    return opened;
  };

  const forward: Forward = (target, sealed, onEvent, signal) =>
    new Promise((resolve, reject) => {
      const refused = refuse();
      if (refused !== undefined) return reject(refused);
      if (signal.aborted) return reject(new Problem('cancelled', `the call to ${target} was cancelled`));
      last++;
      const id = last;
      const to = open();
      const onAbort = () => {
        if (stream === to) to.write({ id, target, drop: true });
        settle(new Problem('cancelled', `the call to ${target} was cancelled`));
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

/** Whatever a relay says of a target proves nothing: all of it is silence. */
function withheld(relay: string, target: string, { code, message }: { code: string; message: string }): Problem {
  const said = `${code}${message === '' ? '' : `, ${message.slice(0, 300)}`}`;
  return new Problem('no-response', `${target} did not answer over the relay ${relay} (it says: ${said})`);
}
