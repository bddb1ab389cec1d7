import type { Socket } from 'node:net';

/** Milliseconds after which received messages wait for the next turn of the event loop. */
const turn = 4;

/**
 * Takes messages in their order, for some milliseconds in each turn of the event loop: so the requests to the first
 * nodes are sent, and these work, while the keys of the others are proven. Nothing more is read until all are taken.
 */
export function startTurns(socket: Socket, take: (message: Buffer) => void) {
  let waiting: Buffer[] = [];
  let next = 0;
  const takeOne = () => {
    const message = waiting[next++];
    if (message !== undefined) take(message);
    if (next < waiting.length) return true;
    waiting = [];
    next = 0;
    return false;
  };
  const takeSome = () => {
    const end = performance.now() + turn;
    while (takeOne()) if (performance.now() >= end) return void setImmediate(takeSome);
    socket.resume();
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
    /** Forgets the rest. */
    drop: () => {
      waiting = [];
    },
    /** Takes the rest at once. */
    finish: () => {
      while (takeOne());
    },
  };
}
