import { parseShare } from './batches.ts';
import type { BatchSize } from '../source/schema.ts';

/** Whether so many failed nodes, out of all of the step, stop it: at the threshold or above. */
export function stops(failed: number, total: number, threshold: BatchSize): boolean {
  if (failed === 0) return false;
  const share = parseShare(threshold);
  if (share === undefined) return true;
  // In thousandths of a percent: 0.07 times 10,000 is a little above 700.
  return 'number' in share ? failed >= share.number : failed * 100_000 >= Math.round(share.percent * 1000) * total;
}
