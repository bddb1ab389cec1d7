import { setImmediate as nextTurn } from 'node:timers/promises';
import { explainErrno } from '../../../core/errors.ts';
import type { Log } from '../../../core/ports.ts';
import type { QuerySocket } from './query-sockets.ts';
import type { ReceivedAnswer } from './options.ts';
import { mdnsPort } from '../service.ts';
import { parseAnswers } from '../wire/answer.ts';
import { openPacketQueue, type SentPacket } from './packet-queue.ts';

const mostTurns = 100;
/** Packets that are read at a time. */
const mostAtOnce = 16;
/** The number of new answers of one sender that justify waiting for more. */
const mostWaitedFor = 64;

/**
 * The answers to one question, each instance, host and address once. Packets are read one of each sender in turn, and only
 * when they are asked for: reading a flood takes longer than everything else in a search.
 */
export interface Inbox {
  /** The names of the instances that answered. */
  readonly instances: ReadonlySet<string>;
  readonly isEmpty: () => boolean;
  /** Whether the answers read since the last call justify waiting for more: one sender's made-up names do not. */
  readonly isWorthWaiting: () => boolean;
  /** Reads the next few packets. @param isLate whether to read what can wait even while other packets arrive */
  readonly readSome: (isLate: boolean) => ReceivedAnswer[];
  /** Waits for something new, but not beyond a time of `performance.now()`. */
  readonly waitUntil: (time: number) => Promise<void>;
  /** Ends a wait. */
  readonly wake: () => void;
}

/** @param id of the question: a responder repeats it (RFC 6762, 6.7) */
export function openInbox(askers: readonly QuerySocket[], id: number, log: Log): Inbox {
  const queue = openPacketQueue();
  const news = startNews();
  let [received, lastReceived] = [0, 0];
  let wake: () => void = () => undefined;

  function take(bytes: Buffer, from: { address: string; port: number }, name: string): void {
    received++;
    // Only a responder speaks from that port (RFC 6762, 6).
    if (from.port !== mdnsPort || bytes.length < 2 || bytes.readUInt16BE(0) !== id) return;
    queue.add(from.address, { bytes, interface: name });
    wake();
  }

  for (const { socket, interface: one } of askers) {
    socket.on('message', (bytes, from) => take(bytes, from, one.name));
    // A route that disappears in the middle of a question: earlier answers stay.
    socket.on('error', (error) => log.debug({ interface: one.name, reason: explainErrno(error) }, 'mdns error'));
  }
  return {
    instances: news.instances,
    isEmpty: queue.isEmpty,
    isWorthWaiting: news.isWorthWaiting,
    readSome: (isLate) => {
      const answers: ReceivedAnswer[] = [];
      const isArriving = received !== lastReceived;
      lastReceived = received;
      for (let count = 0; count < mostAtOnce; count++) {
        const packet = queue.takeNext(isArriving && !isLate);
        if (packet === undefined) break;
        answers.push(...news.of(packet));
      }
      return answers;
    },
    waitUntil: async (time) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, Math.max(0, time - performance.now()));
      await promise;
      clearTimeout(timer);
      wake = () => undefined;
      // A busy process runs its timers before it reads its sockets, and reads a few packets a turn: arrived packets
      // must count.
      for (let turn = 0, before = -1; queue.isEmpty() && before !== received && turn < mostTurns; turn++) {
        before = received;
        await nextTurn();
      }
    },
    wake: () => wake(),
  };
}

/** What packets say that no earlier one did. */
function startNews() {
  const seen = new Set<string>();
  const instances = new Set<string>();
  let worthWaiting = false;
  return {
    instances,
    of: ({ bytes, sender, interface: name }: SentPacket): ReceivedAnswer[] =>
      parseAnswers(bytes).flatMap((answer) => {
        const key = [answer.instance, answer.target, ...answer.addresses].join(' ');
        if (answer.leaves || seen.has(key)) return [];
        seen.add(key);
        instances.add(answer.instance);
        sender.answers++;
        worthWaiting ||= sender.answers <= mostWaitedFor;
        return { ...answer, interface: name, from: sender.address };
      }),
    isWorthWaiting: () => {
      const worth = worthWaiting;
      worthWaiting = false;
      return worth;
    },
  };
}
