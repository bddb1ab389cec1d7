import { clockStepped } from './clock.ts';
import { diskFaults } from './disks.ts';
import type { Fault, FaultContext } from './fault.ts';
import { networkFaults } from './network.ts';
import { programFaults } from './programs.ts';

const all = [...programFaults, ...networkFaults, ...diskFaults, clockStepped, clockStepped];

/** Chooses faults and their places, each place at most once: what puts one right must not meet another of its kind. */
export function chooseFaults(count: number, context: FaultContext): Fault[] {
  const chosen = Array.from({ length: count }, () => context.random.pick(all)(context));
  const places = chosen.map(({ kind, host }) => `${kind.replace(/ [+-]\d+/, '')} ${host}`);
  return chosen.filter((_, index) => places.indexOf(places[index] ?? '') === index);
}
