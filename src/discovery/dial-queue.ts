import type { Candidate } from '../core/node.ts';
import { defineLimit } from '../core/waiting/concurrency.ts';
import type { DescribeRequest, NodeDescription } from '../core/wire/messages.ts';
import { type Attempt, type AttemptOptions, attempt, isReached, type ReachedNode } from './attempt.ts';
import { type Claimant, type ConfirmedNode, openClaimants, withOrigin } from './rumours/claimants.ts';
import { startRumourLane } from './rumours/lane.ts';
import type { Rumour } from './rumours/places.ts';

/** How many nodes are asked for the peers that they remember: all hear the same network, and each list is as long as the fleet. */
const witnesses = 5;

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
  /** Aborted when the source has named enough: the rest of a flood is not worth reading. */
  readonly enough: AbortSignal;
  /** How many candidates were not dialled: rumours beyond their budget. */
  readonly dropped: () => number;
  readonly attempts: () => readonly Attempt[];
}

export interface DialQueueOptions extends Omit<AttemptOptions, 'describing' | 'unlessProven'> {
  readonly request: DescribeRequest;
  readonly concurrency: number;
  /** Whether a candidate was only heard: it is dialled only within the budget for rumours. */
  readonly isRumour?: (candidate: Candidate) => boolean;
  /** The nodes that a proven node has proven: in a flood of rumours these are dialled at once. */
  readonly peersOf?: (description: NodeDescription) => readonly ConfirmedNode[];
  /** Whether a node that gets a question also describes itself. */
  readonly isUnknown?: (name: string) => boolean;
  readonly onReached?: (done: Attempt & { result: ReachedNode }) => void;
  /** Called when a candidate’s turn comes, and when it answered or was given up. */
  readonly onTurn?: (name: string, turn: 'begun' | 'answered' | 'given-up') => void;
}

export function startDialQueue(options: DialQueueOptions): DialQueue {
  const limit = defineLimit(options.concurrency);
  const claimants = openClaimants();
  const running = new Set<Promise<boolean>>();
  const dial = startDialling(options);
  const { concurrency, timeout, signal } = options;
  const rumours = startRumourLane({ concurrency, timeout, signal, onFlood: () => dialConfirmed() });

  async function run(claimant: Claimant, unlessProven?: AbortSignal): Promise<boolean> {
    // Read when its turn comes: by then more of its addresses may have been heard.
    const { candidate } = claimant;
    const done = await dial(candidate, unlessProven);
    claimant.attempt = withOrigin(done, claimant.candidate);
    if (isReached(done)) {
      rumours.onProven(done.result.elapsed, claimant.lane === 'rumours');
      options.onReached?.(done);
      const peers = options.peersOf?.(done.result.description) ?? [];
      claimants.confirm(peers);
      if (rumours.isFlooded()) dialConfirmed(peers);
      return true;
    }
    // Heard while the others were tried, and only worth a dial if those failed.
    if (claimant.candidate.addresses.length > candidate.addresses.length) start(claimant);
    return false;
  }

  function start(claimant: Claimant): void {
    const { candidate } = claimant;
    if (options.isRumour?.(candidate) === true && !(rumours.isFlooded() && claimants.isConfirmed(candidate))) {
      rumours.add(asRumour(claimant, (abandoned) => run(claimant, abandoned)));
      return;
    }
    claimant.lane = 'main';
    const work = limit(() => run(claimant)).finally(() => running.delete(work));
    running.add(work);
  }

  function dialConfirmed(nodes?: readonly ConfirmedNode[]): void {
    for (const claimant of claimants.unreached(nodes)) start(claimant);
  }

  return {
    add(candidate) {
      const claimant = claimants.take(candidate);
      if (claimant !== undefined) start(claimant);
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
    settleRumours: rumours.settle,
    enough: rumours.abandoned,
    dropped: () => claimants.all().filter((claimant) => claimant.attempt === undefined).length,
    attempts: () => claimants.all().flatMap((claimant) => claimant.attempt ?? []),
  };
}

/** A claimant that was only heard: it waits for its turn, unless something else dials it before. */
function asRumour(claimant: Claimant, dial: Rumour['dial']): Rumour {
  delete claimant.lane;
  return {
    sender: claimant.candidate.from ?? '',
    host: claimant.candidate.addresses[0]?.host ?? '',
    isWanted: () => claimant.lane === undefined,
    dial: (abandoned) => {
      claimant.lane = 'rumours';
      return dial(abandoned);
    },
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
