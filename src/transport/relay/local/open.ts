import { statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { explainErrno, Problem } from '../../../core/errors.ts';
import type { ProblemCode } from '../../../core/problems/index.ts';
import { localEventCodec, localRequestCodec } from '../../../core/wire/codec.ts';
import type {
  DiscoverEvent,
  DiscoverRequest,
  ForwardRequest,
  LocalDiscover,
  LocalDiscovered,
  LocalRequest,
} from '../../../core/wire/messages.ts';
import type { RelayConnection } from '../connection.ts';
import { type ForwardReader, relayEnd, startForwarding } from '../forwarding.ts';
import { within } from '../within.ts';
import { frame, greeting, startFrames } from '../frames.ts';

/** The maximum bytes of a message from the relay. */
const mostBytes = 8 * 1024 * 1024;

/**
 * The host's own daemon, over its unix socket. No handshake: anyone who may open the socket may use it, and the socket must
 * belong to root or to this user, so that nobody else can have put it there.
 * @param timeout milliseconds until the daemon greets
 * @throws Problem `unreachable` when there is none, `bad-permissions`
 */
export async function openLocalRelay(path: string, timeout: number, signal: AbortSignal): Promise<RelayConnection> {
  requireOwnSocket(path);
  const socket = connect(path);
  let reader: ForwardReader | undefined;
  const discovering = startDiscovering(socket);
  const greeted = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  const take = (message: Buffer) => {
    const { forward, discovered } = localEventCodec.decode(message);
    if (forward) reader?.event(forward);
    if (discovered) discovering.take(discovered);
  };
  const turns = startTurns(socket, orDestroy(socket, take));
  const frames = startFrames(mostBytes, greeted.resolve, turns.add);
  socket.on('data', (chunk) => {
    orDestroy(socket, frames.take)(chunk);
    turns.start();
  });
  // An error only means that the connection is closed.
  socket.on('error', () => {});
  socket.once('close', () => {
    turns.finish();
    greeted.reject(new Error('closed'));
    reader?.lost('ended the connection');
    discovering.fail(lostProblem());
    lost.resolve();
  });
  socket.write(greeting);
  await within(greeted.promise, timeout, signal).catch((cause) => {
    socket.destroy();
    throw new Problem('unreachable', `the daemon of this host does not answer at ${path}`, '', { cause });
  });
  const openStream = (opened: ForwardReader) => {
    reader = opened;
    if (socket.destroyed) queueMicrotask(() => opened.lost('ended the connection'));
    return { write: (forward: ForwardRequest) => send(socket, { forward }), cancel: () => {} };
  };
  const forwarding = startForwarding(
    openStream,
    relayEnd('local', () => undefined),
  );
  return {
    name: 'local',
    hasRole: true,
    discover: discovering.discover,
    forward: forwarding.forward,
    whenLost: () => lost.promise,
    close: () => {
      forwarding.close();
      socket.destroy();
    },
  };
}

/** What fails was not sent by a relay of this version: as if there were none. */
function orDestroy<T>(socket: Socket, take: (value: T) => void): (value: T) => void {
  return (value) => {
    try {
      take(value);
    } catch {
      socket.destroy();
    }
  };
}

/** Milliseconds after which received messages wait for the next turn of the event loop. */
const turn = 4;

/**
 * Takes messages in their order, for some milliseconds in each turn of the event loop: so the requests to the first
 * nodes are sent, and these work, while the keys of the others are proven. Nothing more is read until all are taken.
 */
function startTurns(socket: Socket, take: (message: Buffer) => void) {
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

/** Milliseconds for which messages wait for those that follow. */
const gathering = 2;

/** When messages began to be gathered, on the clock of performance.now. */
const began = new WeakMap<Socket, number>();

/**
 * Messages that are sent at the same moment go to the kernel together; if it takes time to compute them, the first
 * nodes work meanwhile.
 */
function send(socket: Socket, request: LocalRequest): void {
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

function lostProblem(): Problem {
  return new Problem('no-response', 'the connection to the relay of this host was lost');
}

function startDiscovering(socket: Socket) {
  const write = (discover: LocalDiscover) => send(socket, { discover });
  const pending = new Map<number, { onNode: (event: DiscoverEvent) => void; settle: (problem?: Problem) => void }>();
  let last = 0;
  return {
    discover: (request: DiscoverRequest, onNode: (event: DiscoverEvent) => void, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const cancelled = () => new Problem('cancelled', 'the question to the relay of this host was cancelled');
        if (signal.aborted) return reject(cancelled());
        if (socket.destroyed) return reject(lostProblem());
        last++;
        const id = last;
        const onAbort = () => {
          write({ id, drop: true });
          settle(cancelled());
        };
        const settle = (problem?: Problem) => {
          pending.delete(id);
          signal.removeEventListener('abort', onAbort);
          if (problem === undefined) resolve();
          else reject(problem);
        };
        pending.set(id, { onNode, settle });
        signal.addEventListener('abort', onAbort, { once: true });
        write({ id, request, drop: false });
      }),
    take: ({ id, node, end }: LocalDiscovered) => {
      const one = pending.get(id);
      if (node) one?.onNode(node);
      // A newer daemon may send a code that this version does not know: it is passed on unchanged.
      if (end) one?.settle(end.code === '' ? undefined : new Problem(end.code as ProblemCode, end.message));
    },
    fail: (problem: Problem) => {
      for (const { settle } of [...pending.values()]) settle(problem);
    },
  };
}

function requireOwnSocket(path: string): void {
  try {
    const found = statSync(path);
    if (!found.isSocket() || (found.uid !== 0 && found.uid !== process.getuid?.())) {
      throw new Problem('bad-permissions', `${path} is not a socket of root or of this user`);
    }
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('unreachable', `${path}: ${explainErrno(cause)}`, '', { cause });
  }
}
