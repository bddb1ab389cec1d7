import type { Socket } from 'node:net';
import { frame } from './frames.ts';

export interface Patience {
  /** Milliseconds after which the other side, if it sent nothing, is asked whether it is there. */
  readonly silence: number;
  /** Milliseconds for its answer. */
  readonly answer: number;
}

/**
 * Ends a connection whose other side neither sends anything nor answers whether it is there, since its host may have
 * stopped. The question is an empty message.
 * @param isNeeded whether an answer matters now; an idle connection may stay silent
 * @param isOver whether the connection has to end for another reason
 * @returns ends the watch
 */
export function watchSilence(
  socket: Socket,
  { silence, answer }: Patience,
  isNeeded: () => boolean,
  isOver: () => boolean,
): () => void {
  let heard = -1;
  let ended = false;
  // A paused socket has received more than was taken from it.
  const isSilent = () => socket.bytesRead === heard && !socket.isPaused() && isNeeded();
  const look = () => {
    if (isOver()) return void socket.destroy();
    if (!isSilent()) {
      heard = socket.bytesRead;
      return later(look, silence);
    }
    socket.write(frame(Buffer.alloc(0)));
    // What arrived while this program was stopped, or busy, is read first.
    later(() => setImmediate(judge), answer);
  };
  const judge = () => {
    if (ended) return;
    if (isSilent()) socket.destroy();
    else look();
  };
  const later = (act: () => void, milliseconds: number) => {
    timer = setTimeout(act, milliseconds).unref();
  };
  let timer: NodeJS.Timeout = setTimeout(look, silence).unref();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

/**
 * Judges a connection on which nothing comes or goes for a time, again and again. What arrived while this program was
 * stopped, or busy, is read first, and then nothing is judged.
 * @param judge not called when the connection is over
 */
export function onSilence(socket: Socket, milliseconds: number, judge: () => void): void {
  const restart = () => socket.setTimeout(milliseconds);
  socket.on('timeout', () => {
    const heard = socket.bytesRead;
    setImmediate(() => {
      if (socket.destroyed) return;
      if (socket.bytesRead === heard) judge();
      restart();
    });
  });
  restart();
}
