import type { Outcome } from '../../core/request/reply.ts';

/**
 * Runs one call for each node, a bounded number at a time.
 * @returns exactly one outcome a node, in the order of the nodes
 */
export async function fanOut(
  nodes: readonly string[],
  concurrency: number,
  call: (node: string) => Promise<Outcome>,
  onOutcome: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const outcomes = new Array<Outcome>(nodes.length);
  const rest = nodes.entries();
  const work = async () => {
    for (const [index, node] of rest) {
      const outcome = await call(node);
      outcomes[index] = outcome;
      onOutcome(outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, nodes.length) }, work));
  return outcomes;
}
