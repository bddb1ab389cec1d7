import { clockStepped } from './clock.ts';
import { diskFaults } from './disks.ts';
import type { Fault, FaultContext } from './fault.ts';
import { networkFaults } from './network.ts';
import { programFaults } from './programs.ts';

const all = [...programFaults, ...networkFaults, ...diskFaults, clockStepped, clockStepped];

/**
 * Chooses faults, none of which breaks what another one breaks: two repairs of the same part would undo each other.
 * @param before faults that the seed has injected already
 */
export function chooseFaults(count: number, context: FaultContext, before: readonly Fault[]): Fault[] {
  const chosen = Array.from({ length: count }, () => context.random.pick(all)(context));
  const places = [...before, ...chosen].map(({ part, host }) => `${part} ${host}`);
  return chosen.filter((_, index) => places.indexOf(places[before.length + index] ?? '') === before.length + index);
}
