import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  status,
} from '@grpc/grpc-js';

type Listener = Parameters<ServerInterceptingCall['start']>[0];

/**
 * Bounds what a client can hold by doing nothing: a stream on which it never finishes its request is ended, and a
 * connection on which it does not read what it is sent is cut, since no stream on it can be told anything.
 * @param time milliseconds for either
 * @param cut ends the connection of a peer
 */
export function endStalledCalls(time: number, cut: (peer: string) => void): ServerInterceptor {
  return (_method, call) => new WatchedCall(call, time, cut);
}

class WatchedCall extends ServerInterceptingCall {
  readonly #call: ServerInterceptingCallInterface;
  readonly #time: number;
  readonly #cut: (peer: string) => void;

  constructor(call: ServerInterceptingCallInterface, time: number, cut: (peer: string) => void) {
    super(call);
    this.#call = call;
    this.#time = time;
    this.#cut = cut;
  }

  override start(listener: Listener): void {
    const details = `the request was not sent whole within ${this.#time / 1000} s`;
    const timer = setTimeout(() => {
      this.#call.sendStatus({ code: status.DEADLINE_EXCEEDED, details });
      listener.onCancel();
    }, this.#time);
    super.start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message) => listener.onReceiveMessage(message),
      onReceiveHalfClose: () => {
        clearTimeout(timer);
        listener.onReceiveHalfClose();
      },
      onCancel: () => {
        clearTimeout(timer);
        listener.onCancel();
      },
    });
  }

  override sendMessage(message: unknown, callback: () => void): void {
    const peer = this.getPeer();
    const timer = setTimeout(() => this.#cut(peer), this.#time);
    // The callback tells that HTTP/2 could send it all, which waits for the windows that the client opens by reading.
    super.sendMessage(message, () => {
      clearTimeout(timer);
      callback();
    });
  }
}
