import { Problem } from '../../core/errors.ts';

/** Cuts nodes into batches of `N` or `N%`, of which a percentage is at least one node. @throws Problem `usage` */
export function cutBatches<T>(nodes: readonly T[], batch: string | undefined): T[][] {
  if (batch === undefined) return [[...nodes]];
  const [, digits = '', percent] = /^(\d{1,9})(%?)$/.exec(batch) ?? [];
  const number = Number(digits);
  if (number < 1 || (percent === '%' && number > 100)) {
    throw new Problem('usage', `“${batch}” is not a valid batch size`, 'write a number, or a percentage up to 100%');
  }
  const size = percent === '%' ? Math.max(1, Math.floor((nodes.length * number) / 100)) : number;
  const batches: T[][] = [];
  for (let at = 0; at < nodes.length; at += size) batches.push(nodes.slice(at, at + size));
  return batches;
}
