import type { Socket } from 'node:net';
import { localRequestCodec } from '../../../core/wire/codec.ts';
import type { LocalRequest } from '../../../core/wire/messages.ts';
import { frame } from '../frames/frames.ts';

/** Milliseconds for which messages wait for those that follow. */
const gathering = 2;

/** When messages began to be gathered, on the clock of performance.now. */
const began = new WeakMap<Socket, number>();

/**
 * Messages that are sent at the same moment go to the kernel together; if it takes time to compute them, the first
 * nodes work meanwhile.
 */
export function sendRequest(socket: Socket, request: LocalRequest): void {
  if (socket.writableCorked === 0) {
    socket.cork();
    began.set(socket, performance.now());
    process.nextTick(() => socket.uncork());
  }
  socket.write(frame(localRequestCodec.encode(request)));
  if (performance.now() - (began.get(socket) ?? 0) < gathering) return;
  socket.uncork();
  socket.cork();
  began.set(socket, performance.now());
}
