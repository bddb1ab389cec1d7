import type { NodeFacts } from '../node.ts';
import { type FactTest, holdsFact } from './fact.ts';
import type { Match } from './pattern.ts';

/** Tests a list of names: the node's classes or agents. */
export interface NameTest {
  readonly kind: 'class' | 'agent';
  /** As written; compared exactly unless it is a regex. */
  readonly value: string;
  readonly pattern: Match | undefined;
}

/** Tests the node's own name: one match is enough. */
export interface IdentityTest {
  readonly kind: 'identity';
  readonly names: ReadonlySet<string>;
  readonly patterns: readonly Match[];
}

export type Test = FactTest | NameTest | IdentityTest;

/** What a filter or a policy requires of a node. */
export type Expression =
  | Test
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression };

/** Whether the node matches the expression. Total: any facts give an answer, in bounded time. */
export function holds(expression: Expression, node: NodeFacts): boolean {
  return judge(expression, (test) => holdsTest(test, node));
}

/**
 * Joins the answers of all tests as the expression does.
 * @param ask the answer of one test. It is given whether the test counts the other way round, below an odd number of
 * “not”
 */
export function judge(
  expression: Expression,
  ask: (test: Test, isNegated: boolean) => boolean,
  isNegated = false,
): boolean {
  switch (expression.kind) {
    case 'and':
      return expression.parts.every((part) => judge(part, ask, isNegated));
    case 'or':
      return expression.parts.some((part) => judge(part, ask, isNegated));
    case 'not':
      return !judge(expression.part, ask, !isNegated);
    default:
      return ask(expression, isNegated);
  }
}

export function holdsTest(test: Test, node: NodeFacts): boolean {
  switch (test.kind) {
    case 'fact':
      return holdsFact(test, node.facts);
    case 'class':
      return holdsName(test, node.classes);
    case 'agent':
      return holdsName(test, node.agents);
    case 'identity':
      return test.names.has(node.name.toLowerCase()) || test.patterns.some((matches) => matches(node.name));
  }
}

function holdsName({ value, pattern }: NameTest, names: readonly string[]): boolean {
  return pattern === undefined ? names.includes(value) : names.some(pattern);
}

/** The tests in an expression, whatever joins them. */
export function testsIn(expression: Expression): readonly Test[] {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.parts.flatMap(testsIn);
    case 'not':
      return testsIn(expression.part);
    default:
      return [expression];
  }
}
