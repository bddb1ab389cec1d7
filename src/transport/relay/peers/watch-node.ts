import type { TLSSocket } from 'node:tls';
import { watchSilence } from '../frames/watch-silence.ts';

const patience = { silence: 30_000, answer: 10_000 };
/** Milliseconds after which an idle connection is made again: the node may have another certificate, and key. */
const longest = 3_600_000;

/**
 * Ends a connection whose node is silent, and one that must be made again, at a time when nothing waits for a reply.
 * @param isIdle whether nothing waits for a reply
 * @param isOutdated whether a certificate has changed, or does not hold any more
 * @returns ends the watch
 */
export function watchNode(socket: TLSSocket, isIdle: () => boolean, isOutdated: () => boolean): () => void {
  // Connections that were made together do not end together.
  const until = performance.now() + longest * (1 + Math.random());
  const isOver = () => isIdle() && (performance.now() > until || isOutdated());
  return watchSilence(socket, patience, () => true, isOver);
}
