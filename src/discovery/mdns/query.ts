import { randomInt } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { explainErrno, Problem } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { parseAnswers, type ServiceAnswer } from './wire/answer.ts';
import type { MulticastInterface } from './interfaces.ts';
import { encodeQuestions, type Question } from './wire/question.ts';
import { mdnsPort } from './service.ts';
import { type AddressFamily, familiesOf, groupOn, openAskingSocket, wantedBuffer } from './sockets.ts';

export interface QueryOptions {
  readonly interfaces: readonly MulticastInterface[];
  readonly questions: readonly Question[];
  /** Milliseconds to wait for the first answer. */
  readonly timeout: number;
  /** Milliseconds without a new answer after which all have been heard. */
  readonly window: number;
  /** Bytes that wait to be read, where it must be other than {@link wantedBuffer}. */
  readonly buffer?: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** An answer with where it came from. */
export interface Heard extends ServiceAnswer {
  readonly interface: string;
  /** The address it was sent from. */
  readonly from: string;
}

/** Without an answer the question is asked again: a packet may have been lost. */
const repeats = [150, 450, 1000];
/** Milliseconds of silence after which it is asked who has not been heard yet, and how often, as long as that brings new ones. */
const pause = 20;
const mostFurther = 5;
/** Answers of how many nodes such a question names at most; with a full-sized buffer beyond that nothing was lost. */
const mostKnown = 200;
const mostTurns = 100;
/** Milliseconds beyond the timeout: a flood of answers must not hold an inquiry open. */
const longest = 2000;

/**
 * Asks once, from a port of its own (RFC 6762, 6.7): so each node answers this socket alone and at once, without the
 * 20 to 120 ms of a multicast answer. Yields each new instance, host and address once. Ends `window` after the last of them.
 * @throws Problem `no-multicast` when no interface takes the question
 */
export async function* query(inquiry: QueryOptions): AsyncGenerator<Heard> {
  const session = await openSession(inquiry);
  try {
    yield* session.answers();
  } finally {
    session.close();
  }
}

interface Asker {
  readonly socket: Socket;
  readonly family: AddressFamily;
  readonly interface: MulticastInterface;
  /**
   * Asked only the second question, with the answers that came: where an interface has both families, most nodes have too,
   * and would answer all twice.
   */
  readonly second: boolean;
}

interface Session {
  readonly answers: () => AsyncGenerator<Heard>;
  readonly close: () => void;
}

async function openSession(inquiry: QueryOptions): Promise<Session> {
  const id = randomInt(1, 0x10000);
  const askers: Asker[] = [];
  const failures: unknown[] = [];
  for (const one of inquiry.interfaces) {
    for (const [index, family] of familiesOf(one).entries()) {
      try {
        askers.push({
          socket: await openAskingSocket(family, one, inquiry.buffer),
          family,
          interface: one,
          second: index > 0,
        });
      } catch (error) {
        failures.push(error);
        inquiry.log.warn({ interface: one.name, reason: explainErrno(error) }, 'no multicast on this interface');
      }
    }
  }
  if (askers.length === 0) {
    const reason = failures.length > 0 ? explainErrno(failures[0]) : 'no interface is up and capable of it';
    throw new Problem('no-multicast', `nodes cannot be asked for by multicast: ${reason}`, 'name them in a file');
  }
  return startSession(inquiry, id, askers);
}

function startSession(inquiry: QueryOptions, id: number, askers: readonly Asker[]): Session {
  const queue: Heard[] = [];
  const seen = new Set<string>();
  const instances = new Set<string>();
  let received = 0;
  let wake: () => void = () => undefined;

  function take(bytes: Buffer, from: { address: string; port: number }, name: string): void {
    received++;
    // Only a responder speaks from that port (RFC 6762, 6), and it repeats the number of the question (6.7).
    if (from.port !== mdnsPort || bytes.length < 2 || bytes.readUInt16BE(0) !== id) return;
    for (const answer of parseAnswers(bytes)) {
      const key = [answer.instance, answer.target, ...answer.addresses].join(' ');
      if (answer.leaves || seen.has(key)) continue;
      seen.add(key);
      instances.add(answer.instance);
      queue.push({ ...answer, interface: name, from: from.address });
    }
    if (queue.length > 0) wake();
  }

  for (const { socket, interface: one } of askers) {
    socket.on('message', (bytes, from) => take(bytes, from, one.name));
    // A route that vanishes in mid-question: what was heard stays heard.
    socket.on('error', (error) =>
      inquiry.log.debug({ interface: one.name, reason: explainErrno(error) }, 'mdns error'),
    );
  }

  const ask = (whom: readonly Asker[], known: readonly string[] = []) => {
    for (const packet of encodeQuestions(id, inquiry.questions, known)) {
      for (const { socket, family, interface: one } of whom)
        socket.send(packet, mdnsPort, groupOn(family, one), () => undefined);
    }
  };

  /** Waits for something new, but not beyond that time. */
  async function waitUntil(time: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const timer = setTimeout(resolve, Math.max(0, time - performance.now()));
    await promise;
    clearTimeout(timer);
    wake = () => undefined;
    // A busy process runs its timers before it reads its sockets, and reads a few packets a turn: what came must count.
    for (let turn = 0, before = -1; queue.length === 0 && before !== received && turn < mostTurns; turn++) {
      before = received;
      await nextTurn();
    }
  }

  async function* answers(): AsyncGenerator<Heard> {
    const begun = performance.now();
    const smallBuffer = askers.some(({ socket }) => socket.getRecvBufferSize() < wantedBuffer);
    const seconds = askers.filter(({ second }) => second);
    let quietUntil = begun + inquiry.timeout;
    let known = 0;
    let further = 0;
    const stop = () => wake();
    inquiry.signal.addEventListener('abort', stop);
    const timers = repeats.map((after) => setTimeout(() => instances.size === 0 && ask(askers), after));
    try {
      ask(askers.filter(({ second }) => !second));
      while (!inquiry.signal.aborted && performance.now() < begun + inquiry.timeout + longest) {
        if (queue.length > 0) quietUntil = performance.now() + inquiry.window;
        yield* queue.splice(0);
        const pausing: boolean = instances.size > known && further < mostFurther;
        await waitUntil(pausing ? performance.now() + pause : quietUntil);
        if (queue.length > 0) continue;
        if (!pausing && performance.now() >= quietUntil) return;
        if (!pausing) continue;
        ask(smallBuffer || instances.size <= mostKnown ? askers : seconds, [...instances]);
        known = instances.size;
        further++;
      }
    } finally {
      inquiry.signal.removeEventListener('abort', stop);
      for (const timer of timers) clearTimeout(timer);
    }
  }

  return {
    answers,
    close: () => {
      for (const { socket } of askers) socket.close();
    },
  };
}
