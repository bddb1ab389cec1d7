import type { Candidate } from '../core/node.ts';
import { type Attempt, type AttemptOptions, attempt, type Reached } from './attempt.ts';
import { defineLimit } from '../core/concurrency.ts';
import type { DescribeRequest } from '../core/wire/messages.ts';
import { startRumourLane } from './rumour-lane.ts';

/** How many nodes are asked for the peers that they remember: all hear the same network, and each list is as long as the fleet. */
const witnesses = 5;
/** Candidates beyond these are not dialled: a rogue may make up any number of names. */
const most = 20_000;

/** All candidates heard of, each dialled as soon as there is room. */
export interface DialQueue {
  /** Takes a candidate; one that is known by name, origin and addresses is dialled no second time. */
  readonly add: (candidate: Candidate) => void;
  /** Settles when nothing is being dialled, rumours excepted. */
  readonly idle: () => Promise<void>;
  /** Dials what is left of rumours within their budget, and drops the rest. @param elapsed milliseconds that the search has taken */
  readonly settleRumours: (elapsed: number) => Promise<void>;
  /** How many candidates were not dialled: rumours beyond their budget. */
  readonly dropped: () => number;
  readonly attempts: () => readonly Attempt[];
}

export interface DialQueueOptions extends Omit<AttemptOptions, 'describing'> {
  readonly request: DescribeRequest;
  readonly concurrency: number;
  /** Whether nothing but what was heard speaks for a candidate: it is dialled only as far as the budget for rumours goes. */
  readonly isRumour?: (candidate: Candidate) => boolean;
  /** Whether a node that is asked something should describe itself too. */
  readonly isUnknown?: (name: string) => boolean;
  readonly onReached?: (done: Attempt & { result: Reached }) => void;
  /** Called when a candidate’s turn comes, and when it answered or was given up. */
  readonly onTurn?: (name: string, turn: 'begun' | 'answered' | 'given-up') => void;
}

export function startDialQueue(options: DialQueueOptions): DialQueue {
  const limit = defineLimit(options.concurrency);
  const rumours = startRumourLane({ concurrency: options.concurrency, timeout: options.timeout });
  const claimants = new Map<string, { candidate: Candidate; attempt?: Attempt }>();
  const running = new Set<Promise<boolean>>();
  let asked = 0;

  async function run(key: string, signal = options.signal): Promise<boolean> {
    const claimant = claimants.get(key);
    if (claimant === undefined) return false;
    let peers = false;
    // What proves nothing takes no witness's place.
    const describing = () => {
      peers = options.request.peers && asked < witnesses;
      if (peers) asked++;
      const describe = peers || options.isUnknown?.(candidate.name) !== false;
      return { request: { ...options.request, peers }, describe };
    };
    // Taken when its turn comes: by then more of its addresses may have been heard.
    const { candidate } = claimant;
    options.onTurn?.(candidate.name, 'begun');
    const done = await attempt(candidate, { ...options, signal, describing });
    options.onTurn?.(candidate.name, isReached(done) ? 'answered' : 'given-up');
    if (peers && !isReached(done)) asked--;
    claimant.attempt = done;
    if (isReached(done)) options.onReached?.(done);
    // Heard while the others were tried, and only worth a dial when those failed.
    if (!isReached(done) && claimant.candidate.addresses.length > candidate.addresses.length) start(key);
    return isReached(done);
  }

  function start(key: string): void {
    const candidate = claimants.get(key)?.candidate;
    if (candidate !== undefined && options.isRumour?.(candidate) === true) {
      rumours.add(candidate.from ?? '', (signal) => run(key, AbortSignal.any([options.signal, signal])));
      return;
    }
    const work = limit(() => run(key)).finally(() => running.delete(work));
    running.add(work);
  }

  return {
    add(candidate) {
      const key = `${candidate.name} ${candidate.origin ?? ''}`;
      const claimant = claimants.get(key);
      if (claimant === undefined) {
        if (claimants.size >= most) return;
        claimants.set(key, { candidate });
        start(key);
        return;
      }
      const { addresses } = claimant.candidate;
      const fresh = candidate.addresses.filter(
        ({ host, port }) => !addresses.some((one) => one.host === host && one.port === port),
      );
      if (fresh.length === 0) return;
      claimant.candidate = { ...claimant.candidate, addresses: [...addresses, ...fresh].slice(0, 16) };
      if (claimant.attempt !== undefined && !isReached(claimant.attempt)) start(key);
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
    settleRumours: (elapsed) => {
      const found = [...claimants.values()].some(({ attempt: done }) => done !== undefined && isReached(done));
      return rumours.settle(elapsed, found);
    },
    dropped: () => [...claimants.values()].filter((claimant) => claimant.attempt === undefined).length,
    attempts: () => [...claimants.values()].flatMap((claimant) => claimant.attempt ?? []),
  };
}

export function isReached(done: Attempt): done is Attempt & { result: Reached } {
  return !(done.result instanceof Error);
}
