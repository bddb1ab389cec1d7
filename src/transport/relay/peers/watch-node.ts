import type { TLSSocket } from 'node:tls';
import { frame } from '../frames.ts';

/** Milliseconds after which a node that sent nothing is asked whether it is there, and for its answer. */
const silence = 30_000;
const patience = 10_000;
/** Milliseconds after which an idle connection is made again: the node may have another certificate, and key. */
const longest = 3_600_000;

/**
 * Ends a connection whose node neither sends anything nor answers whether it is there, since its host may have stopped.
 * Also ends one that must be made again, at a time when nothing waits for a reply.
 * @param isIdle whether nothing waits for a reply
 * @param isOutdated whether a certificate has changed, or does not hold any more
 * @returns ends that
 */
export function watchNode(socket: TLSSocket, isIdle: () => boolean, isOutdated: () => boolean): () => void {
  // Connections that were made together do not end together.
  const until = performance.now() + longest * (1 + Math.random());
  let heard = -1;
  let asked = false;
  const look = () => {
    const isSilent = socket.bytesRead === heard;
    const isOver = isIdle() && (performance.now() > until || isOutdated());
    if (isOver || (isSilent && asked)) return void socket.destroy();
    heard = socket.bytesRead;
    asked = isSilent;
    if (asked) socket.write(frame(Buffer.alloc(0)));
    timer = setTimeout(look, asked ? patience : silence).unref();
  };
  let timer: NodeJS.Timeout = setTimeout(look, silence).unref();
  return () => clearTimeout(timer);
}
