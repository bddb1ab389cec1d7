import type { Address } from '../../../core/node.ts';
import type { Proof, ProveNode, Sighting } from './sighting.ts';

/** The budget of proofs, however much is heard. */
export interface ProofBudget {
  /** Sightings that are tried at once, before the rate counts. */
  readonly burst: number;
  /** Sightings a second in the long run. */
  readonly rate: number;
  readonly atOnce: number;
  /** Waiting sightings of one sender; the oldest is dropped first. */
  readonly perSender: number;
  /** Senders with waiting sightings; the oldest is dropped first. */
  readonly senders: number;
}

/** Sightings that wait for a proof: all of them together within the budget, and each sender in turn. */
export interface ProveQueue {
  readonly see: (sighting: Sighting) => void;
  readonly stop: () => void;
}

export const usualBudget: ProofBudget = { burst: 64, rate: 5, atOnce: 4, perSender: 32, senders: 256 };

/** The number of addresses that are tried for a sighting. */
const mostAddresses = 3;

/**
 * Proves what is heard. Anyone who can send packets can make up names, by the thousand and from made-up addresses:
 * their cost is limited, and those that do not prove themselves are forgotten at once.
 */
export function startProveQueue(
  prove: ProveNode,
  onProven: (sighting: Sighting, address: Address, proof: Proof) => Promise<void> | void,
  budget: ProofBudget = usualBudget,
): ProveQueue {
  const waiting = new Map<string, Map<string, Sighting>>();
  const inHand = new Set<string>();
  const tokens = startTokens(budget);
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function work(): void {
    tokens.refill();
    while (!stopped && inHand.size < budget.atOnce && tokens.left() >= 1) {
      const sighting = takeNext(waiting);
      if (sighting === undefined) return;
      tokens.spend();
      void settle(sighting);
    }
    if (stopped || waiting.size === 0 || tokens.left() >= 1 || budget.rate <= 0) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      work();
    }, 1000 / budget.rate).unref();
  }

  async function settle(sighting: Sighting): Promise<void> {
    const key = keyOf(sighting);
    inHand.add(key);
    try {
      const found = await firstProven(sighting, prove);
      if (found !== undefined && !stopped) await onProven(sighting, found.address, found.proof);
    } finally {
      inHand.delete(key);
      work();
    }
  }

  return {
    see: (sighting) => {
      const key = keyOf(sighting);
      if (stopped || sighting.hosts.length === 0 || inHand.has(key)) return;
      addSighting(waiting, key, sighting, budget);
      work();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      waiting.clear();
    },
  };
}

/** A bucket that fills at the rate of the budget, up to its burst. */
function startTokens({ burst, rate }: ProofBudget) {
  let tokens = burst;
  let refilledAt = performance.now();
  return {
    refill: () => {
      const now = performance.now();
      tokens = Math.min(burst, tokens + ((now - refilledAt) * rate) / 1000);
      refilledAt = now;
    },
    left: () => tokens,
    spend: () => {
      tokens--;
    },
  };
}

/** The next sighting of the sender whose turn it is. */
function takeNext(waiting: Map<string, Map<string, Sighting>>): Sighting | undefined {
  for (const [sender, sightings] of waiting) {
    waiting.delete(sender);
    const [first] = sightings;
    if (first === undefined) continue;
    sightings.delete(first[0]);
    if (sightings.size > 0) waiting.set(sender, sightings);
    return first[1];
  }
  return undefined;
}

function addSighting(
  waiting: Map<string, Map<string, Sighting>>,
  key: string,
  sighting: Sighting,
  { perSender, senders }: ProofBudget,
): void {
  const sightings = waiting.get(sighting.from) ?? new Map<string, Sighting>();
  sightings.set(key, sighting);
  dropOldest(sightings, perSender);
  waiting.set(sighting.from, sightings);
  dropOldest(waiting, senders);
}

/** The first of its addresses at which the node proves itself. */
async function firstProven({ identity, hosts, port }: Sighting, prove: ProveNode) {
  for (const host of hosts.slice(0, mostAddresses)) {
    const address = { host, port };
    const proof = await prove(identity, address);
    if (proof !== undefined) return { address, proof };
  }
  return undefined;
}

function keyOf({ identity, target }: Sighting): string {
  return `${identity} ${target}`;
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
