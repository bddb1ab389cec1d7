import type { Socket } from 'node:net';

/** Milliseconds after which received messages wait for the next turn of the event loop. */
const turn = 4;

/**
 * Takes messages in their order, for some milliseconds in each turn of the event loop: so the requests to the first
 * nodes are sent, and these work, while the keys of the others are proven. Nothing more is read until all are taken.
 */
export function startTurns(socket: Socket, take: (message: Buffer) => void) {
  const waiting: Buffer[] = [];
  const takeSome = () => {
    const end = performance.now() + turn;
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
      take(message);
      if (performance.now() >= end) break;
    }
    if (waiting.length > 0) setImmediate(takeSome);
    else socket.resume();
  };
  return {
    add: (message: Buffer) => {
      waiting.push(message);
    },
    /** Begins with what was added, unless that is done already. */
    start: () => {
      if (waiting.length === 0) return;
      socket.pause();
      takeSome();
    },
    /** Takes the rest at once. */
    finish: () => {
      for (const message of waiting.splice(0)) take(message);
    },
  };
}
