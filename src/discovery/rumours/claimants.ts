import type { Address, Candidate } from '../../core/node.ts';
import { type Attempt, isReached } from '../attempt.ts';

/** A candidate, and the result of its dial. */
export interface Claimant {
  candidate: Candidate;
  /** Where it waits or is dialled; undefined while it waits as a rumour. */
  lane?: 'main' | 'rumours';
  attempt?: Attempt;
}

/** A node that another node has proven. */
export interface ConfirmedNode {
  readonly name: string;
  readonly addresses: readonly Address[];
  /** Whether it may match the filter: else it is only dialled if it was heard. */
  readonly mayMatch: boolean;
}

/** The candidates of a search, each name of each origin once, and the nodes that others have proven. */
export interface Claimants {
  /** @returns what is to be dialled: a new claimant, or one whose dial failed and that has a further address now */
  readonly take: (candidate: Candidate) => Claimant | undefined;
  /** Accepts nodes that another node has proven. */
  readonly confirm: (nodes: readonly ConfirmedNode[]) => void;
  /** Whether a candidate would be dialled where others have proven the node with its name. */
  readonly isConfirmed: (candidate: Candidate) => boolean;
  /**
   * What is to be dialled of the nodes that others have proven, or of some of them: start each before the next is taken.
   */
  readonly unreached: (nodes?: Iterable<ConfirmedNode>) => Iterable<Claimant>;
  readonly all: () => Claimant[];
}

/** Further candidates are not dialled: an attacker may make up any number of names. */
const most = 20_000;

export function openClaimants(): Claimants {
  const claimants = new Map<string, Claimant>();
  const confirmed = new Map<string, ConfirmedNode>();

  function isConfirmed({ name, addresses: [first] }: Candidate): boolean {
    const { addresses = [] } = confirmed.get(name) ?? {};
    return addresses.some(({ host, port }) => host === first?.host && port === first.port);
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

  function take(candidate: Candidate): Claimant | undefined {
    const key = `${candidate.name} ${candidate.origin ?? ''}`;
    const known = claimants.get(key) ?? sameDial(candidate);
    if (known !== undefined) return addAddresses(known, candidate) && hasFailed(known) ? known : undefined;
    if (claimants.size >= most) return undefined;
    const claimant = { candidate };
    claimants.set(key, claimant);
    return claimant;
  }

  return {
    take,
    confirm(nodes) {
      for (const node of nodes) confirmed.set(node.name, node);
    },
    isConfirmed,
    *unreached(nodes = confirmed.values()) {
      const byName = Map.groupBy(claimants.values(), ({ candidate }) => candidate.name);
      for (const { name, addresses, mayMatch } of nodes) {
        const known = byName.get(name) ?? [];
        const atProven = known.filter(({ candidate }) => isConfirmed(candidate));
        if (known.some(({ lane, attempt }) => lane === 'main' || (attempt && isReached(attempt)))) continue;
        if (atProven.some(({ lane }) => lane === 'rumours')) continue;
        const isWorthIt = mayMatch || known.length > 0;
        const claimant = atProven[0] ?? (isWorthIt ? take({ name, addresses, source: 'known' }) : undefined);
        if (claimant !== undefined) yield claimant;
      }
    },
    all: () => [...claimants.values()],
  };
}

function hasFailed({ attempt }: Claimant): boolean {
  return attempt !== undefined && !isReached(attempt);
}

/** What a dial found, for the origin that its candidate has now. */
export function withOrigin(done: Attempt, { origin }: Candidate): Attempt {
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
