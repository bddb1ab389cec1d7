import { parseShare } from './batch.ts';
import type { BatchSize } from './format.ts';

/** Whether so many failed nodes, out of all of the step, stop it: at the threshold or above. */
export function stops(failed: number, total: number, threshold: BatchSize): boolean {
  if (failed === 0) return false;
  const share = parseShare(threshold);
  if (share === undefined) return true;
  return 'number' in share ? failed >= share.number : failed * 100 >= share.percent * total;
}
