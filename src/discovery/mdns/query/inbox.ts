import { setImmediate as nextTurn } from 'node:timers/promises';
import { explainErrno } from '../../../core/errors.ts';
import type { Log } from '../../../core/ports.ts';
import type { QuerySocket } from './query-sockets.ts';
import type { ReceivedAnswer } from './options.ts';
import { mdnsPort } from '../service.ts';
import { parseAnswers } from '../wire/answer.ts';

const mostTurns = 100;
/** The number of new answers of one sender that justify waiting for more. */
const mostWaitedFor = 64;

/** The answers to one question, each instance, host and address once. */
export interface Inbox {
  /** The names of the instances that answered. */
  readonly instances: ReadonlySet<string>;
  readonly isEmpty: () => boolean;
  /** Whether the answers since the last call justify waiting for more: one sender's made-up names do not. */
  readonly isWorthWaiting: () => boolean;
  /** The answers since the last call. */
  readonly takeAll: () => ReceivedAnswer[];
  /** Waits for something new, but not beyond a time of `performance.now()`. */
  readonly waitUntil: (time: number) => Promise<void>;
  /** Ends a wait. */
  readonly wake: () => void;
}

/** @param id of the question: a responder repeats it (RFC 6762, 6.7) */
export function openInbox(askers: readonly QuerySocket[], id: number, log: Log): Inbox {
  const queue: ReceivedAnswer[] = [];
  const seen = new Set<string>();
  const instances = new Set<string>();
  const bySender = new Map<string, number>();
  let worthWaiting = false;
  let received = 0;
  let wake: () => void = () => undefined;
  const take = (bytes: Buffer, from: { address: string; port: number }, name: string) => {
    received++;
    // Only a responder speaks from that port (RFC 6762, 6).
    if (from.port !== mdnsPort || bytes.length < 2 || bytes.readUInt16BE(0) !== id) return;
    for (const answer of parseAnswers(bytes)) {
      const key = [answer.instance, answer.target, ...answer.addresses].join(' ');
      if (answer.leaves || seen.has(key)) continue;
      seen.add(key);
      instances.add(answer.instance);
      const answers = (bySender.get(from.address) ?? 0) + 1;
      bySender.set(from.address, answers);
      worthWaiting ||= answers <= mostWaitedFor;
      queue.push({ ...answer, interface: name, from: from.address });
    }
    if (queue.length > 0) wake();
  };
  for (const { socket, interface: one } of askers) {
    socket.on('message', (bytes, from) => take(bytes, from, one.name));
    // A route that disappears in the middle of a question: earlier answers stay.
    socket.on('error', (error) => log.debug({ interface: one.name, reason: explainErrno(error) }, 'mdns error'));
  }
  return {
    instances,
    isEmpty: () => queue.length === 0,
    isWorthWaiting: () => {
      const worth = worthWaiting;
      worthWaiting = false;
      return worth;
    },
    takeAll: () => queue.splice(0),
    waitUntil: async (time) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, Math.max(0, time - performance.now()));
      await promise;
      clearTimeout(timer);
      wake = () => undefined;
      // A busy process runs its timers before it reads its sockets, and reads a few packets a turn: arrived packets
      // must count.
      for (let turn = 0, before = -1; queue.length === 0 && before !== received && turn < mostTurns; turn++) {
        before = received;
        await nextTurn();
      }
    },
    wake: () => wake(),
  };
}
