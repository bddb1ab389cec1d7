/** Chooses the nodes that store the journal of a run. */
import { mostHolders } from '../../../core/journal/line.ts';
import type { AppendTo } from './append.ts';

export interface ChosenHolders {
  readonly holders: readonly string[];
  /** Why some of the nodes that run the agent do not store it: NODE: REASON. */
  readonly refused: readonly string[];
}

/** The maximum number of rounds: if so many refuse, the others will too. */
const mostRounds = 4;

/**
 * The first five by name, of the nodes on which the run holds its lease, that run the agent journal and accept its
 * lines.
 * @param candidates nodes that run the agent
 */
export async function chooseHolders(candidates: readonly string[], append: AppendTo): Promise<ChosenHolders> {
  const left = [...candidates].sort();
  const holders: string[] = [];
  const refused: string[] = [];
  for (let round = 0; round < mostRounds && left.length > 0 && holders.length < mostHolders; round++) {
    const asked = left.splice(0, mostHolders - holders.length);
    const outcomes = await Promise.all(asked.map((node) => append(node, { after: 0, lines: [], head: '' }, true)));
    for (const { node, outcome, message } of outcomes) {
      if (outcome === 'ok') holders.push(node);
      else refused.push(`${node}: ${message}`);
    }
  }
  return { holders, refused };
}
