import { type Expression, holdsTest, judge, type Test } from '../filter/expression.ts';
import { lookUpFact } from '../filter/fact.ts';
import type { NodeFacts } from '../node.ts';

/** A node about which something may not be known. */
export interface PartlyKnownNode extends NodeFacts {
  /** The names of facts whose files could not be read whole; `*` if any fact or class may be missing. */
  readonly missing?: readonly string[];
}

/** Whether the node matches, whatever its missing facts and classes are. */
export function mustHold(expression: Expression, node: PartlyKnownNode): boolean {
  return judge(expression, (test, isNegated) => holdsTest(test, node) || (isNegated && isMissing(test, node)));
}

/** Whether the node matches, or would with some values of its missing facts and classes. */
export function mayHold(expression: Expression, node: PartlyKnownNode): boolean {
  return judge(expression, (test, isNegated) => holdsTest(test, node) || (!isNegated && isMissing(test, node)));
}

function isMissing(test: Test, { facts, missing = [] }: PartlyKnownNode): boolean {
  if (test.kind === 'class') return missing.includes('*');
  if (test.kind !== 'fact' || lookUpFact(facts, test.name) !== undefined) return false;
  return missing.includes('*') || missing.some((name) => test.name === name || test.name.startsWith(`${name}.`));
}
