/** Shares of the nodes of a step: the sizes of its batches, and how many failures it allows. */
import type { BatchSize } from '../source/schema.ts';

/** A share of some nodes: a number of them, or a percentage. Undefined for any other text. */
export function parseShare(
  text: number | string,
): { readonly number: number } | { readonly percent: number } | undefined {
  if (typeof text === 'number') return Number.isSafeInteger(text) && text >= 1 ? { number: text } : undefined;
  const [, digits, sign] = /^(\d{1,9}(?:\.\d{1,3})?)(%?)$/.exec(text.trim()) ?? [];
  const value = Number(digits);
  if (sign === '%') return value > 0 && value <= 100 ? { percent: value } : undefined;
  return Number.isSafeInteger(value) && value >= 1 ? { number: value } : undefined;
}

/** How many of `total` nodes are in a batch: a percentage is rounded down, but to at least one. */
export function sizeOf(share: BatchSize, total: number): number {
  const parsed = parseShare(share);
  if (parsed === undefined) return total;
  return 'number' in parsed
    ? parsed.number
    : Math.max(1, Math.floor((total * Math.round(parsed.percent * 1000)) / 100_000));
}

/**
 * Cuts nodes into batches. Each size of a ramp is used once, the last one until nodes run out; a percentage is of all
 * the nodes, not of the remaining ones. No sizes: one batch.
 */
export function planBatches(nodes: readonly string[], sizes: readonly BatchSize[]): string[][] {
  const batches: string[][] = [];
  let at = 0;
  while (at < nodes.length) {
    const share = sizes[Math.min(batches.length, sizes.length - 1)];
    const size = share === undefined ? nodes.length : sizeOf(share, nodes.length);
    batches.push(nodes.slice(at, at + size));
    at += size;
  }
  return batches;
}

/** Whether this many failed nodes, of all nodes of a step, stop it: at the threshold or above. */
export function stops(failed: number, total: number, threshold: BatchSize): boolean {
  if (failed === 0) return false;
  const share = parseShare(threshold);
  if (share === undefined) return true;
  // In thousandths of a percent: 0.07 times 10,000 is a little above 700.
  return 'number' in share ? failed >= share.number : failed * 100_000 >= Math.round(share.percent * 1000) * total;
}
