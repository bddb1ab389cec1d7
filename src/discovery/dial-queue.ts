import type { Address, Candidate } from '../core/node.ts';
import { type Attempt, type AttemptOptions, attempt, type ReachedNode } from './attempt.ts';
import { defineLimit } from '../core/waiting/concurrency.ts';
import type { DescribeRequest, NodeDescription } from '../core/wire/messages.ts';
import { startRumourLane } from './rumours/lane.ts';

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

/** A node that another node has proven. */
export interface ConfirmedNode {
  readonly name: string;
  readonly addresses: readonly Address[];
  /** Whether it may match the filter: else it is only dialled if it was heard. */
  readonly mayMatch: boolean;
}

/** A candidate, and the result of its dial. */
interface Claimant {
  candidate: Candidate;
  /** Where it waits or is dialled; undefined while it waits as a rumour. */
  lane?: 'main' | 'rumours';
  attempt?: Attempt;
}

export function startDialQueue(options: DialQueueOptions): DialQueue {
  const limit = defineLimit(options.concurrency);
  const claimants = new Map<string, Claimant>();
  const confirmed = new Map<string, ConfirmedNode>();
  const running = new Set<Promise<boolean>>();
  const dial = startDialling(options);
  const { concurrency, timeout, signal } = options;
  const rumours = startRumourLane({ concurrency, timeout, signal, onFlood: () => dialConfirmed(confirmed.values()) });

  async function run(claimant: Claimant, unlessProven?: AbortSignal): Promise<boolean> {
    // Read when its turn comes: by then more of its addresses may have been heard.
    const { candidate } = claimant;
    const done = await dial(candidate, unlessProven);
    claimant.attempt = withOrigin(done, claimant.candidate);
    if (isReached(done)) {
      rumours.onProven(done.result.elapsed, claimant.lane === 'rumours');
      options.onReached?.(done);
      confirm(options.peersOf?.(done.result.description) ?? []);
      return true;
    }
    // Heard while the others were tried, and only worth a dial if those failed.
    if (claimant.candidate.addresses.length > candidate.addresses.length) start(claimant);
    return false;
  }

  function start(claimant: Claimant): void {
    const { candidate } = claimant;
    if (options.isRumour?.(candidate) === true && !(rumours.isFlooded() && isConfirmed(candidate))) {
      delete claimant.lane;
      rumours.add({
        sender: candidate.from ?? '',
        host: candidate.addresses[0]?.host ?? '',
        isWanted: () => claimant.lane === undefined,
        dial: (abandoned) => {
          claimant.lane = 'rumours';
          return run(claimant, abandoned);
        },
      });
      return;
    }
    claimant.lane = 'main';
    const work = limit(() => run(claimant)).finally(() => running.delete(work));
    running.add(work);
  }

  /** Whether a candidate would be dialled where others have proven the node with its name. */
  function isConfirmed({ name, addresses: [first] }: Candidate): boolean {
    const { addresses = [] } = confirmed.get(name) ?? {};
    return addresses.some(({ host, port }) => host === first?.host && port === first.port);
  }

  function confirm(nodes: readonly ConfirmedNode[]): void {
    for (const node of nodes) confirmed.set(node.name, node);
    if (rumours.isFlooded()) dialConfirmed(nodes);
  }

  function dialConfirmed(nodes: Iterable<ConfirmedNode>): void {
    const byName = Map.groupBy(claimants.values(), ({ candidate }) => candidate.name);
    for (const { name, addresses, mayMatch } of nodes) {
      const known = byName.get(name) ?? [];
      const atProven = known.filter(({ candidate }) => isConfirmed(candidate));
      if (known.some(({ lane, attempt: done }) => lane === 'main' || (done !== undefined && isReached(done)))) continue;
      if (atProven.some(({ lane }) => lane === 'rumours')) continue;
      const [first] = atProven;
      if (first !== undefined) start(first);
      else if (mayMatch || known.length > 0) add({ name, addresses, source: 'known' });
    }
  }

  /** The dial of a node that others have proven, which a candidate only repeats: it was heard after them. */
  function sameDial(candidate: Candidate): Claimant | undefined {
    const known = isConfirmed(candidate) ? claimants.get(`${candidate.name} `) : undefined;
    if (known?.candidate.source !== 'known') return undefined;
    if (candidate.origin === undefined || known.candidate.origin !== undefined) return known;
    known.candidate = { ...known.candidate, origin: candidate.origin };
    if (known.attempt !== undefined) known.attempt = withOrigin(known.attempt, known.candidate);
    return known;
  }

  function add(candidate: Candidate): void {
    const key = `${candidate.name} ${candidate.origin ?? ''}`;
    const known = claimants.get(key) ?? sameDial(candidate);
    if (known === undefined && claimants.size >= most) return;
    if (known === undefined) {
      const claimant = { candidate };
      claimants.set(key, claimant);
      start(claimant);
    } else if (addAddresses(known, candidate) && known.attempt !== undefined && !isReached(known.attempt)) {
      start(known);
    }
  }

  return {
    add,
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
    settleRumours: rumours.settle,
    enough: rumours.abandoned,
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

function withOrigin(done: Attempt, { origin }: Candidate): Attempt {
  return origin === undefined ? done : { ...done, candidate: { ...done.candidate, origin } };
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
