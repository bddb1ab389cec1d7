import type { ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js';
import { whenUnanswered } from '../core/waiting/deadline.ts';
import { ServerInterceptingCall } from './grpc-server.ts';

type Listener = Parameters<ServerInterceptingCall['start']>[0];

/**
 * Limits what a client can hold by doing nothing: one that does not finish a request, or does not read a reply, loses
 * its connection. Ending only the stream is not enough: HTTP/2 keeps it until its client has ended it, too.
 * @param time milliseconds for either
 * @param cut ends the connection of a peer
 */
export function endStalledCalls(time: number, cut: (peer: string) => void): ServerInterceptor {
  // A stream of requests has no end to wait for: its handler limits it.
  return ({ requestStream }, call) => new WatchedCall(call, time, cut, requestStream);
}

class WatchedCall extends ServerInterceptingCall {
  readonly #time: number;
  readonly #cut: (peer: string) => void;
  /** HTTP/2 reports nothing more about a cancelled call. */
  readonly #waits = new Set<() => void>();

  readonly #streams: boolean;

  constructor(call: ServerInterceptingCallInterface, time: number, cut: (peer: string) => void, streams: boolean) {
    super(call);
    this.#streams = streams;
    this.#time = time;
    this.#cut = cut;
  }

  override start(listener: Listener): void {
    const done = this.#streams ? () => {} : this.#limit();
    super.start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message) => listener.onReceiveMessage(message),
      onReceiveHalfClose: () => {
        done();
        listener.onReceiveHalfClose();
      },
      onCancel: () => {
        for (const end of this.#waits) end();
        listener.onCancel();
      },
    });
  }

  override sendMessage(message: unknown, callback: () => void): void {
    const done = this.#limit();
    // The callback means that HTTP/2 has sent all of it, which waits for the windows that the client opens by reading.
    super.sendMessage(message, () => {
      done();
      callback();
    });
  }

  /** Cuts the connection unless the returned function is called in time. */
  #limit(): () => void {
    const peer = this.getPeer();
    const end = whenUnanswered(this.#time, () => this.#cut(peer));
    this.#waits.add(end);
    return () => {
      end();
      this.#waits.delete(end);
    };
  }
}
