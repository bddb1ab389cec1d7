import { explain } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { multicastInterfaces } from './interfaces.ts';
import type { ReceivedAnswer } from './query/options.ts';
import { query } from './query/query.ts';
import { instanceOf } from './wire/instance.ts';
import type { Question } from './wire/question.ts';

export interface QuerierSetup {
  /** Names of interfaces; empty: all that support multicast. */
  readonly interfaces: readonly string[];
  readonly log: Log;
}

/** A node's own questions to the network. */
export interface Querier {
  /** Asks who answers to a name now; while one such question is open, others are dropped. */
  readonly queryNode: (identity: string) => void;
  readonly stop: () => Promise<void>;
}

/** Milliseconds. The more nodes there are, the less often each asks, so that there are few answers a second. */
const askEvery = { atLeast: 600_000, perNode: 5000 };

/** Asks now, and again at intervals. @param nodes the number of known nodes */
export function startQuerier(
  setup: QuerierSetup,
  nodes: () => number,
  onAnswer: (heard: ReceivedAnswer) => void,
): Querier {
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let asked = askAll();
  let askedAbout: Promise<void> | undefined;

  async function ask(question: Question): Promise<void> {
    try {
      const interfaces = multicastInterfaces(setup.interfaces);
      const inquiry = { interfaces, questions: [question], timeout: 2000, window: 1000, log: setup.log };
      for await (const heard of query({ ...inquiry, signal: stopped.signal })) {
        onAnswer(heard);
      }
    } catch (error) {
      setup.log.debug({ reason: explain(error) }, 'the network could not be queried for other nodes');
    }
  }

  async function askAll(): Promise<void> {
    await ask({ kind: 'all' });
    if (!stopped.signal.aborted) askLater(Date.now(), 0.8 + 0.4 * Math.random());
  }

  /** The length of the wait is decided at its end: a network that is just being switched on has more nodes by then. */
  function askLater(since: number, part: number): void {
    const now = Date.now();
    const every = Math.max(askEvery.atLeast, askEvery.perNode * nodes());
    const left = since + every * part - now;
    if (left <= 0) asked = askAll();
    else timer = setTimeout(() => askLater(since, part), left).unref();
  }

  return {
    queryNode(identity: string) {
      askedAbout ??= ask({ kind: 'instance', instance: instanceOf(identity) }).finally(() => {
        askedAbout = undefined;
      });
    },
    async stop() {
      stopped.abort();
      clearTimeout(timer);
      await Promise.all([asked, askedAbout]);
    },
  };
}
