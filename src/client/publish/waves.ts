/** Decides who copies from which node, as values: each node with the artifact sends it to one other at a time. */

/** A copy that begins now. */
export interface Copy {
  readonly to: string;
  /** The node to ask first. */
  readonly from: string;
  /** Other nodes that have it, to ask if the first fails. */
  readonly others: readonly string[];
  /** From 1. It is later than the round in which the sender received the artifact, and than its last round of sending. */
  readonly round: number;
}

export interface Waves {
  /** The copies that can begin now; each counts as running from here on. */
  readonly next: () => Copy[];
  /** A node has it and can send it from now on. */
  readonly arrived: (node: string) => void;
  /** A copy failed. @param again whether the node waits for another */
  readonly failed: (node: string, again: boolean) => void;
  /** A node did not send to another what it has. If two reported it since its last success, it is not asked again. */
  readonly blame: (source: string, by: string) => void;
  /** A node sent what it has. */
  readonly clear: (source: string) => void;
  readonly waiting: () => readonly string[];
  /** Nodes that have it and can be asked. */
  readonly holders: () => readonly string[];
  /** The operator sends to this node directly. @param has whether it has it now */
  readonly seed: (node: string, has: boolean) => void;
}

/** Other holders that a copy may fall back on. */
const mostOthers = 3;
const mostBlame = 2;

/** How often the number of holders must double until all have it. */
export function doublings(holders: number, nodes: number): number {
  return Math.max(0, Math.ceil(Math.log2(nodes / Math.max(1, holders))));
}

/**
 * A node that is done sends at once, without waiting for others. To keep quick ones from making long chains, a node
 * that has taken part in one round more than doubling takes rests while others can send.
 * @param holders nodes that have it already @param nodes those that are to receive it, in this order
 */
export function planWaves(holders: readonly string[], nodes: readonly string[]): Waves {
  /** The round of the next copy that each holder sends. */
  const turns = new Map(holders.map((node) => [node, 1]));
  const sending = new Set<string>();
  const blamed = new Map<string, Set<string>>();
  const running = new Map<string, Copy>();
  const waiting = [...nodes];
  const total = holders.length + nodes.length;
  let roots = holders.length;
  const turnOf = (node: string) => turns.get(node) ?? 1;
  const usable = () => [...turns.keys()].filter((node) => (blamed.get(node)?.size ?? 0) < mostBlame);
  const free = () => {
    const all = usable();
    const last = doublings(roots, total) + 1;
    const early = all.filter((node) => turnOf(node) <= last);
    return (early.length > 0 ? early : all).filter((node) => !sending.has(node)).sort((a, b) => turnOf(a) - turnOf(b));
  };
  const end = (node: string): Copy | undefined => {
    const copy = running.get(node);
    running.delete(node);
    if (copy !== undefined) sending.delete(copy.from);
    return copy;
  };
  return {
    next: () => {
      const sources = free();
      return waiting.splice(0, sources.length).map((to, index) => {
        const from = sources[index] as string;
        const others = usable().filter((node) => node !== from);
        // Another choice for each, so that they do not all fall back on the same one.
        const turned = [...others.slice(index % Math.max(1, others.length)), ...others];
        const copy = { to, from, others: [...new Set(turned)].slice(0, mostOthers), round: turnOf(from) };
        sending.add(from);
        running.set(to, copy);
        return copy;
      });
    },
    arrived: (node) => {
      const copy = end(node);
      if (copy === undefined) return;
      for (const one of [node, copy.from]) turns.set(one, copy.round + 1);
    },
    failed: (node, again) => {
      end(node);
      if (again) waiting.push(node);
    },
    blame: (source, by) => void blamed.set(source, (blamed.get(source) ?? new Set<string>()).add(by)),
    clear: (source) => void blamed.delete(source),
    waiting: () => waiting,
    holders: usable,
    seed: (node, has) => {
      const at = waiting.indexOf(node);
      if (at >= 0) waiting.splice(at, 1);
      if (!has) return;
      turns.set(node, 1);
      roots++;
    },
  };
}
