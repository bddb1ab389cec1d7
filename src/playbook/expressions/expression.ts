/** Expressions in CEL (github.com/google/cel-spec): data in, data out, never code. */
import { type ASTNode, Environment, EvaluationError, ParseError } from '@marcbachmann/cel-js';
import { explain, Problem } from '../../core/errors.ts';
import { celFunctions, linearMatches } from './cel-functions.ts';
import { fromCel } from './cel-values.ts';
import { costFunctions, meterLoops, resetCost } from './cost.ts';
import type { SourceLocation } from '../source/locations.ts';
import { findFault } from './references.ts';
import { readsOf, taintOf } from './taint.ts';
import type { Shape } from './shapes.ts';

/** Variables, already converted by toCel. */
export type CelContext = Readonly<Record<string, unknown>>;

export interface Expression {
  readonly source: string;
  /** @throws Problem `bad-expression` when a value has another type than the expression needs */
  readonly evaluate: (context: CelContext) => unknown;
}

const variables = ['inputs', 'nodes', 'steps', 'values', 'run', 'reply', 'failure', 'batch', 'round'] as const;

const environment = new Environment({
  unlistedVariablesAreDyn: false,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 400, maxDepth: 24, maxListElements: 200, maxMapEntries: 100, maxCallArguments: 8 },
});
for (const name of variables) environment.registerVariable(name, 'map');
environment.registerVariable('item', 'dyn');
for (const [signature, handler] of Object.entries({ ...celFunctions, ...costFunctions }))
  environment.registerFunction(signature, handler);

/**
 * @param offset where in the scalar at `place` the expression begins
 * @param type what it must return, as far as that is known before it runs
 * @throws Problem `bad-playbook` with file, line and column
 */
export function compileExpression(
  source: string,
  roots: Shape,
  location: SourceLocation,
  offset = 0,
  type: 'bool' | 'any' = 'any',
): Expression {
  const parsed = parse(source, location, offset);
  replaceMatches(parsed.ast);
  const fault = findFault(parsed.ast, roots);
  if (fault !== undefined) location.fail(fault.message, offset + fault.offset);
  meterLoops(parsed.ast, environment);
  const checked = parsed.check();
  if (!checked.valid && checked.error !== undefined) {
    location.fail(`${checked.error.summary} in “${cut(source)}”`, offset + (checked.error.range?.start ?? 0));
  }
  if (type === 'bool' && checked.type !== 'bool' && checked.type !== 'dyn') {
    location.fail(`“${cut(source)}” must give true or false, it gives ${checked.type ?? 'something else'}`, offset);
  }
  const reads = readsOf(parsed.ast);
  const evaluate = (context: CelContext) => {
    try {
      resetCost();
      const value = fromCel(parsed(context));
      const taint = taintOf(context);
      const sensitive = taint?.sourceOf(reads);
      if (sensitive !== undefined) taint?.learn(value, sensitive);
      return value;
    } catch (error) {
      const why = error instanceof EvaluationError ? error.summary : explain(error);
      throw new Problem('bad-expression', `${location.where(offset)}: ${why} in “${cut(source)}”`, '', {
        cause: error,
      });
    }
  };
  return { source, evaluate };
}

/** @throws Problem `bad-expression` when its value is neither true nor false */
export function decide(expression: Expression, context: CelContext): boolean {
  const value = expression.evaluate(context);
  if (typeof value === 'boolean') return value;
  throw new Problem('bad-expression', `“${cut(expression.source)}” must give true or false`);
}

function parse(source: string, location: SourceLocation, offset: number) {
  try {
    return environment.parse(source);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return location.fail(
      `${error.summary} in “${cut(source)}”`,
      offset + Math.min(error.range?.start ?? 0, source.length - 1),
    );
  }
}

/** CEL’s own `matches` backtracks: it is replaced by one that takes linear time. */
function replaceMatches(node: unknown): void {
  if (Array.isArray(node)) for (const item of node) replaceMatches(item);
  if (typeof node !== 'object' || node === null || !('op' in node)) return;
  const { op, args } = node as ASTNode;
  if ((op === 'rcall' || op === 'call') && args[0] === 'matches') args[0] = linearMatches;
  replaceMatches(args);
}

function cut(source: string): string {
  return source.length > 80 ? `${source.slice(0, 80)}…` : source;
}
