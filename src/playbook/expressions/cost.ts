/**
 * Limits the loops of an expression. CEL itself always ends, but nested loops over lists that the expression makes
 * longer may take hours: each loop counts its items.
 */
import type { ASTNode, Environment } from '@marcbachmann/cel-js';
import { Problem } from '../../core/errors.ts';

/** Items over all loops of one evaluation: a tenth of a second or two. */
const most = 1_000_000;
const counted = 'countedForLoops';
let left = most;

/** Begins an evaluation. Evaluations never overlap, because none of them waits for anything. */
export function resetCost(): void {
  left = most;
}

function spend(size: number): void {
  left -= size;
  if (left < 0) throw new Problem('bad-value', `it loops over more than ${most} items`);
}

/** By signature, to be registered with the environment. */
export const costFunctions: Readonly<Record<string, (receiver: never) => unknown>> = {
  [`list.${counted}(): list`]: (list: readonly unknown[]) => {
    spend(list.length);
    return list;
  },
  [`map.${counted}(): map`]: (map: ReadonlyMap<unknown, unknown>) => {
    spend(map.size);
    return map;
  },
};

/** The parsed form of a macro; the library’s types do not include it. */
interface Expanded {
  readonly meta: { readonly alternate?: { readonly args: { iterable: ASTNode } } };
}

/** Makes every loop of a parsed expression count its items. */
export function meterLoops(node: unknown, environment: Environment): void {
  if (Array.isArray(node)) for (const item of node) meterLoops(item, environment);
  if (typeof node !== 'object' || node === null || !('op' in node)) return;
  const parsed = node as ASTNode;
  meterLoops(parsed.args, environment);
  const { alternate } = (node as unknown as Expanded).meta;
  if (parsed.op !== 'rcall' || alternate?.args.iterable === undefined) return;
  const call = environment.parse(`inputs.${counted}()`).ast as Extract<ASTNode, { op: 'rcall' }>;
  call.args[1] = parsed.args[1];
  parsed.args[1] = call;
  alternate.args.iterable = call;
}
