import { randomInt } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type QuerySocket, sendQuestions, openQuerySockets } from './query-sockets.ts';
import { type Inbox, openInbox } from './inbox.ts';
import type { ReceivedAnswer, QueryOptions } from './options.ts';
import { startOwnTime } from './own-time.ts';
import { receiveBuffer } from '../sockets.ts';

/** Without an answer the question is asked again: a packet may have been lost. */
const repeats = [150, 450, 1000];
/** Milliseconds of silence after which unheard nodes are asked again, and how often, as long as that finds new ones. */
const pause = 20;
const mostFurther = 5;
/** The maximum number of known answers in such a question; with a full-sized buffer nothing is lost beyond that. */
const mostKnown = 200;
/** Milliseconds beyond the timeout: a flood of answers must not keep a query open. */
const longest = 2000;

/**
 * Asks once, from a separate port (RFC 6762, 6.7): so each node answers only this socket and at once, without the 20 to
 * 120 ms of a multicast answer. Yields each new instance, host and address once. Ends `window` after the last of them.
 * @throws Problem `no-multicast` when no interface takes the question
 */
export async function* query(options: QueryOptions): AsyncGenerator<ReceivedAnswer> {
  const id = randomInt(1, 0x10000);
  const askers = await openQuerySockets(options);
  try {
    yield* answers(options, id, askers, openInbox(askers, id, options.log));
  } finally {
    for (const { socket } of askers) socket.close();
  }
}

async function* answers(
  options: QueryOptions,
  id: number,
  askers: readonly QuerySocket[],
  inbox: Inbox,
): AsyncGenerator<ReceivedAnswer> {
  const { signal, timeout, window, known: given = [] } = options;
  const { instances } = inbox;
  const { now, waitUntil } = startOwnTime(inbox);
  const begun = now();
  const smallBuffer = askers.some(({ socket }) => socket.getRecvBufferSize() < receiveBuffer);
  const seconds = askers.filter(({ second }) => second);
  let quietUntil = begun + timeout;
  let known = 0;
  let further = 0;
  signal.addEventListener('abort', inbox.wake);
  const timers = repeats.map((after) =>
    setTimeout(() => instances.size === 0 && sendQuestions(askers, id, options), after),
  );
  try {
    sendQuestions(
      askers.filter(({ second }) => !second),
      id,
      options,
      given,
    );
    while (!signal.aborted && now() < begun + timeout + longest) {
      const isLate = now() >= quietUntil;
      const fresh = inbox.readSome(isLate);
      if (inbox.isWorthWaiting()) quietUntil = now() + window;
      yield* fresh;
      if (!inbox.isEmpty()) {
        // Packets that repeat what was heard must not keep a query open.
        if (fresh.length === 0 && isLate) return;
        // Other work comes first: the nodes that were heard are being dialled meanwhile.
        await nextTurn();
        continue;
      }
      const pausing: boolean = instances.size > known && further < mostFurther;
      await waitUntil(pausing ? now() + pause : quietUntil);
      if (!inbox.isEmpty()) continue;
      if (!pausing && now() >= quietUntil) return;
      if (!pausing) continue;
      sendQuestions(smallBuffer || instances.size <= mostKnown ? askers : seconds, id, options, [
        ...given,
        ...instances,
      ]);
      known = instances.size;
      further++;
    }
  } finally {
    signal.removeEventListener('abort', inbox.wake);
    for (const timer of timers) clearTimeout(timer);
  }
}
