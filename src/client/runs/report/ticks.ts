/** Marks on the axis of a timeline, at round times. */
import { duration } from '../../render/times.ts';

export interface Tick {
  /** Milliseconds from the beginning. */
  readonly at: number;
  readonly text: string;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
/** Milliseconds between two marks. */
const steps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * second),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * minute),
  ...[1, 2, 6, 12, 24, 72, 168].map((hours) => hours * hour),
];
/** As many as fit on a phone. */
const most = 6;

/** @param whole milliseconds */
export function findTicks(whole: number): Tick[] {
  const step = steps.find((one) => whole / one <= most) ?? Math.max(1, Math.ceil(whole / most));
  return Array.from({ length: Math.floor(whole / step) + 1 }, (_, index) => ({
    at: index * step,
    text: index === 0 ? '0' : label(index * step),
  }));
}

/** `2 s`, not `2.0 s`. */
function label(at: number): string {
  return duration(at).replace('.0 s', ' s').replace(' 0 s', '').replace(' 0 min', '');
}
