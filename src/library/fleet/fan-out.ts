import { mapLimited } from '../../core/concurrency.ts';
import type { Outcome } from '../../core/request/reply.ts';

/**
 * Runs one call for each node, a bounded number at a time.
 * @returns exactly one outcome a node, in the order of the nodes
 */
export function fanOut(
  nodes: readonly string[],
  concurrency: number,
  call: (node: string) => Promise<Outcome>,
  onOutcome: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  return mapLimited(nodes, concurrency, async (node) => {
    const outcome = await call(node);
    onOutcome(outcome);
    return outcome;
  });
}
