import { Problem } from '../core/errors.ts';
import { type Address, type Candidate, formatAddress } from '../core/node.ts';
import { type Attempt, isReached, type ReachedNode } from './attempt.ts';

/** A running node, proven, that matches. Its connection is open: the caller closes it. */
export interface FoundNode extends ReachedNode {
  readonly name: string;
  readonly addresses: readonly Address[];
}

/** A candidate that was heard and cannot be used. */
export interface BrokenNode {
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly problem: Problem;
}

/** A node that should exist and was not found. */
export interface SilentNode {
  readonly name: string;
  /** Milliseconds since the epoch; undefined when nobody ever saw it. */
  readonly lastSeen: number | undefined;
  /** Who last saw it: `cache`, or a node's name; else who expects it: a source's name, or `expected`. */
  readonly by: string;
}

/** Names that were only heard, and did not prove themselves: reported in one line, without effect on exit codes. */
export interface Rumours {
  readonly count: number;
  /** Whether there are more: a flood is not read to its end. */
  readonly more: boolean;
  /** Some of them, first those that claim the name of a proven node. */
  readonly examples: readonly BrokenNode[];
}

export interface Sorted {
  readonly nodes: readonly FoundNode[];
  readonly unmatched: readonly FoundNode[];
  readonly broken: readonly BrokenNode[];
  readonly rumours: readonly BrokenNode[];
  /** Failed attempts on listed nodes. */
  readonly quiet: readonly Attempt[];
}

/** The errors of an address without anything behind it. */
const quietCodes = new Set(['unreachable', 'no-response']);
/** Sources that list the existing nodes, not those that were heard. */
const lists = new Set(['file', 'stdin', 'dns', 'relay', 'cache', 'known']);
/** Of these, those that remember: another host may have taken the address since. */
const memories = new Set(['cache', 'known']);

/** Sorts the results of all candidates, including rivals for one name. Connections that nobody will use are closed. */
export function sortAttempts(attempts: readonly Attempt[], isRumour: (candidate: Candidate) => boolean): Sorted {
  const byName = Map.groupBy(attempts, ({ candidate }) => candidate.name);
  const sorted = {
    nodes: [] as FoundNode[],
    unmatched: [] as FoundNode[],
    broken: [] as BrokenNode[],
    rumours: [] as BrokenNode[],
    quiet: [] as Attempt[],
  };
  for (const [name, claimants] of byName) {
    const reached = claimants.filter(isReached);
    const failed = claimants.filter((one) => !isReached(one));
    const [proven] = reached;
    if (proven !== undefined && areOneMachine(reached)) {
      for (const { result } of reached.slice(1)) result.connection.close();
      take(sorted, { name, addresses: proven.candidate.addresses, ...proven.result });
      // An address at which nobody answers is not an impostor: the node had it, or has it by another way.
      for (const one of failed.filter(isRival(proven)).filter((rival) => !isUnanswered(rival))) {
        (one.proven ? sorted.broken : sorted.rumours).push(impostor(name, one));
      }
    } else if (proven !== undefined) {
      for (const { result } of reached) result.connection.close();
      sorted.broken.push(duplicate(name, reached));
    } else {
      sortFailed(sorted, failed, isRumour);
    }
  }
  return sorted;
}

function take(sorted: { nodes: FoundNode[]; unmatched: FoundNode[] }, node: FoundNode): void {
  if (node.description.matched) {
    sorted.nodes.push(node);
    return;
  }
  node.connection.close();
  sorted.unmatched.push(node);
}

/**
 * Whether they have one origin, those without one aside, or one daemon: any host can announce a node under its own origin
 * and pass connections on to it, without a certificate.
 */
function areOneMachine(attempts: readonly (Attempt & { readonly result: ReachedNode })[]): boolean {
  const origins = new Set(attempts.flatMap(({ candidate }) => candidate.origin ?? []));
  const daemons = new Set(attempts.map(({ result }) => result.description.daemon.toString('hex')));
  return origins.size <= 1 || (daemons.size === 1 && !daemons.has(''));
}

function isUnanswered({ result }: Attempt): boolean {
  return result instanceof Problem && quietCodes.has(result.code);
}

function isRival({ candidate }: Attempt): (other: Attempt) => boolean {
  return (other) => other.candidate.origin !== undefined && other.candidate.origin !== candidate.origin;
}

function sortFailed(
  sorted: { broken: BrokenNode[]; rumours: BrokenNode[]; quiet: Attempt[] },
  failed: readonly Attempt[],
  isRumour: (candidate: Candidate) => boolean,
): void {
  const heard = failed.filter((one) => !isQuiet(one));
  for (const { candidate, proven, result } of heard) {
    if (!(result instanceof Problem)) continue;
    const list = !proven && isRumour(candidate) ? sorted.rumours : sorted.broken;
    list.push({ name: candidate.name, addresses: candidate.addresses, problem: result });
  }
  if (heard.length === 0 && failed[0] !== undefined) sorted.quiet.push(failed[0]);
}

function isQuiet({ candidate, result }: Attempt): boolean {
  if (!(result instanceof Problem) || !lists.has(candidate.source)) return false;
  return quietCodes.has(result.code) || (result.code === 'wrong-node' && memories.has(candidate.source));
}

function addressesOf(attempts: readonly Attempt[]): string {
  return attempts.flatMap(({ candidate }) => candidate.addresses.slice(0, 1).map(formatAddress)).join(' and ');
}

function duplicate(name: string, reached: readonly Attempt[]): BrokenNode {
  const message = `two nodes prove to be ${name}: at ${addressesOf(reached)}`;
  const hint = 'they share a key: revoke its certificate and issue one to each';
  const addresses = reached.flatMap(({ candidate }) => candidate.addresses);
  return { name, addresses, problem: new Problem('duplicate-identity', message, hint) };
}

function impostor(name: string, rival: Attempt): BrokenNode {
  const why = rival.result instanceof Problem ? rival.result.message : '';
  const message = `${name} is also announced at ${addressesOf([rival])}, and what answers there does not prove to be it (${why})`;
  const hint = 'the proven node was used; find out what answers there';
  return { name, addresses: rival.candidate.addresses, problem: new Problem('duplicate-identity', message, hint) };
}
