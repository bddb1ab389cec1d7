/** Who copies from which node, as values: each node that has the artifact sends it to one other at a time. */

/** A copy that begins now. */
export interface Copy {
  readonly to: string;
  /** Where to ask first. */
  readonly from: string;
  /** Others that have it, to be asked where the first fails. */
  readonly others: readonly string[];
  /** 1 for a copy from a node that the operator sent it to, one more for each copy before it. */
  readonly round: number;
}

export interface Waves {
  /** The copies that can begin now; each is counted as running from here on. */
  readonly next: () => Copy[];
  /** A node has it: it sends it on from now on. */
  readonly arrived: (node: string) => void;
  /** A copy failed. @param again whether the node waits for another */
  readonly failed: (node: string, again: boolean) => void;
  /** A node did not send what it has to another. Blamed by two since it last did, it is not asked again. */
  readonly blame: (source: string, by: string) => void;
  /** A node sent what it has. */
  readonly clear: (source: string) => void;
  readonly running: () => number;
  readonly waiting: () => readonly string[];
  /** Nodes that have it and are to be asked. */
  readonly holders: () => readonly string[];
  /** The operator sends to this node itself. @param has whether it has it now */
  readonly seed: (node: string, has: boolean) => void;
}

/** Other holders that a copy may fall back on. */
const mostOthers = 3;
const mostBlame = 2;

/** How many times the number of holders has to double until all have it. */
export function doublings(holders: number, nodes: number): number {
  return Math.max(0, Math.ceil(Math.log2(nodes / Math.max(1, holders))));
}

/** @param holders nodes that have it already @param nodes those that are to receive it, in this order */
export function planWaves(holders: readonly string[], nodes: readonly string[]): Waves {
  const depth = new Map(holders.map((node) => [node, 0]));
  const sending = new Set<string>();
  const blamed = new Map<string, Set<string>>();
  const running = new Map<string, Copy>();
  const waiting = [...nodes];
  const total = holders.length + nodes.length;
  const isTrusted = (node: string) => (blamed.get(node)?.size ?? 0) < mostBlame;
  const usable = () => [...depth.keys()].filter(isTrusted);
  /** The longest chain of copies; a node at its end does not send, unless it is the only one left. */
  const deepest = () => doublings([...depth.values()].filter((one) => one === 0).length, total);
  const free = () => {
    const all = usable();
    const shallow = all.filter((node) => (depth.get(node) ?? 0) < deepest());
    return (shallow.length > 0 ? shallow : all)
      .filter((node) => !sending.has(node))
      .sort((a, b) => (depth.get(a) ?? 0) - (depth.get(b) ?? 0));
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
        const turned = [...others.slice(index % Math.max(1, others.length)), ...others].slice(0, mostOthers);
        const copy = { to, from, others: [...new Set(turned)], round: (depth.get(from) ?? 0) + 1 };
        sending.add(from);
        running.set(to, copy);
        return copy;
      });
    },
    arrived: (node) => {
      const copy = end(node);
      depth.set(node, copy?.round ?? 0);
    },
    failed: (node, again) => {
      end(node);
      if (again) waiting.push(node);
    },
    blame: (source, by) => void blamed.set(source, (blamed.get(source) ?? new Set<string>()).add(by)),
    clear: (source) => void blamed.delete(source),
    running: () => running.size,
    waiting: () => waiting,
    holders: usable,
    seed: (node, has) => {
      const at = waiting.indexOf(node);
      if (at >= 0) waiting.splice(at, 1);
      if (has) depth.set(node, 0);
    },
  };
}
