import type { Candidate } from '../core/node.ts';
import { type Attempt, type AttemptOptions, attempt, type ReachedNode } from './attempt.ts';
import { defineLimit } from '../core/concurrency.ts';
import type { DescribeRequest } from '../core/wire/messages.ts';
import { startRumourLane } from './rumour-lane.ts';

/** How many nodes are asked for the peers that they remember: all hear the same network, and each list is as long as the fleet. */
const witnesses = 5;
/** Further candidates are not dialled: an attacker may make up any number of names. */
const most = 20_000;

/** All candidates, each dialled as soon as there is room. */
export interface DialQueue {
  /** Accepts a candidate; one with a known name, origin and addresses is not dialled a second time. */
  readonly add: (candidate: Candidate) => void;
  /** Settles when nothing is being dialled, except rumours. */
  readonly idle: () => Promise<void>;
  /**
   * Dials the remaining rumours within their budget, and drops the rest. @param elapsed milliseconds that the search
   * has taken
   */
  readonly settleRumours: (elapsed: number) => Promise<void>;
  /** How many candidates were not dialled: rumours beyond their budget. */
  readonly dropped: () => number;
  readonly attempts: () => readonly Attempt[];
}

export interface DialQueueOptions extends Omit<AttemptOptions, 'describing' | 'unlessProven'> {
  readonly request: DescribeRequest;
  readonly concurrency: number;
  /** Whether a candidate was only heard: it is dialled only within the budget for rumours. */
  readonly isRumour?: (candidate: Candidate) => boolean;
  /** Whether a node that gets a question also describes itself. */
  readonly isUnknown?: (name: string) => boolean;
  readonly onReached?: (done: Attempt & { result: ReachedNode }) => void;
  /** Called when a candidate’s turn comes, and when it answered or was given up. */
  readonly onTurn?: (name: string, turn: 'begun' | 'answered' | 'given-up') => void;
}

/** A candidate, and the result of its dial. */
interface Claimant {
  candidate: Candidate;
  attempt?: Attempt;
}

export function startDialQueue(options: DialQueueOptions): DialQueue {
  const limit = defineLimit(options.concurrency);
  const rumours = startRumourLane({ concurrency: options.concurrency, timeout: options.timeout });
  const claimants = new Map<string, Claimant>();
  const running = new Set<Promise<boolean>>();
  const dial = startDialling(options);

  async function run(claimant: Claimant, unlessProven?: AbortSignal): Promise<boolean> {
    // Read when its turn comes: by then more of its addresses may have been heard.
    const { candidate } = claimant;
    const done = await dial(candidate, unlessProven);
    claimant.attempt = done;
    if (isReached(done)) {
      options.onReached?.(done);
      return true;
    }
    // Heard while the others were tried, and only worth a dial if those failed.
    if (claimant.candidate.addresses.length > candidate.addresses.length) start(claimant);
    return false;
  }

  function start(claimant: Claimant): void {
    const { candidate } = claimant;
    if (options.isRumour?.(candidate) === true) {
      rumours.add(candidate.from ?? '', (abandoned) => run(claimant, abandoned));
      return;
    }
    const work = limit(() => run(claimant)).finally(() => running.delete(work));
    running.add(work);
  }

  return {
    add(candidate) {
      const key = `${candidate.name} ${candidate.origin ?? ''}`;
      const known = claimants.get(key);
      if (known === undefined && claimants.size >= most) return;
      const claimant = known ?? { candidate };
      claimants.set(key, claimant);
      if (known === undefined) start(claimant);
      else if (addAddresses(known, candidate) && known.attempt !== undefined && !isReached(known.attempt)) start(known);
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

/** Dials candidates; the first few that prove themselves are asked for the peers that they remember. */
function startDialling(options: DialQueueOptions) {
  let asked = 0;
  return async (candidate: Candidate, unlessProven?: AbortSignal): Promise<Attempt> => {
    let peers = false;
    // A candidate that proves nothing does not take the place of a witness.
    const describing = () => {
      peers = options.request.peers && asked < witnesses;
      if (peers) asked++;
      const describe = peers || options.isUnknown?.(candidate.name) !== false;
      return { request: { ...options.request, peers }, describe };
    };
    options.onTurn?.(candidate.name, 'begun');
    const done = await attempt(candidate, { ...options, unlessProven, describing });
    options.onTurn?.(candidate.name, isReached(done) ? 'answered' : 'given-up');
    if (peers && !isReached(done)) asked--;
    return done;
  };
}

/** @returns whether an address is new */
function addAddresses(claimant: Claimant, candidate: Candidate): boolean {
  const { addresses } = claimant.candidate;
  const fresh = candidate.addresses.filter(
    ({ host, port }) => !addresses.some((one) => one.host === host && one.port === port),
  );
  if (fresh.length === 0) return false;
  claimant.candidate = { ...claimant.candidate, addresses: [...addresses, ...fresh].slice(0, 16) };
  return true;
}

export function isReached(done: Attempt): done is Attempt & { result: ReachedNode } {
  return !(done.result instanceof Error);
}
