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
  switch (expression.kind) {
    case 'and':
      return expression.parts.every((part) => holds(part, node));
    case 'or':
      return expression.parts.some((part) => holds(part, node));
    case 'not':
      return !holds(expression.part, node);
    case 'fact':
      return holdsFact(expression, node.facts);
    case 'class':
      return holdsName(expression, node.classes);
    case 'agent':
      return holdsName(expression, node.agents);
    case 'identity':
      return expression.names.has(node.name.toLowerCase()) || expression.patterns.some((matches) => matches(node.name));
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
