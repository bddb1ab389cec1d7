import { Problem } from '../errors.ts';
import type { NodeFacts } from '../node.ts';
import type { FilterTerms } from '../wire/messages.ts';
import { type Expression, holds, testsIn } from './expression.ts';
import { parseFact } from './fact-term.ts';
import { faultAt } from './fault.ts';
import { parseIdentities, parseNameTest } from './name.ts';
import { boundedCompiler } from './pattern.ts';
import { type Compile, wholeOf } from './range.ts';
import { parseSelect } from './select.ts';
import { parseOperand, tokenize } from './tokens.ts';

export { mergeTerms, noFilter } from './merge.ts';

/** Selects nodes: those that match all expressions. */
export interface Filter {
  readonly all: readonly Expression[];
}

const longestTerm = 1024;
const mostTerms = 256;
const mostIdentities = 10_000;

/**
 * Parses an operator's terms: a node must match all of them, except that one identity is enough.
 * @throws Problem `bad-filter`: the message shows the term, with a caret in the line below
 */
export function parseFilter(terms: FilterTerms): Filter {
  checkSize(terms);
  const compile = boundedCompiler(undefined, { ignoreCase: true });
  const all: Expression[] = [
    ...terms.agents.map((term) => parseNameTest(wholeOf(term), 'agent', compile)),
    ...terms.classes.map((term) => parseNameTest(wholeOf(term), 'class', compile)),
    ...terms.facts.map((term) => parseFact(wholeOf(term), compile)),
    ...terms.with.flatMap((term) => parseWith(term, compile)),
  ];
  if (terms.identities.length > 0) all.push(parseIdentities(terms.identities, compile));
  if (terms.select !== '') all.push(parseSelect(terms.select, compile));
  return { all };
}

/** Whether the node is selected. Total, and bounded in time. */
export function matchesFilter(filter: Filter, node: NodeFacts): boolean {
  return filter.all.every((expression) => holds(expression, node));
}

/** The names of the facts that the filter reads, sorted: without them it cannot be decided. */
export function filterNeedsFacts(filter: Filter): string[] {
  const tests = filter.all.flatMap(testsIn);
  return [...new Set(tests.flatMap((test) => (test.kind === 'fact' ? [test.name] : [])))].sort();
}

function checkSize(terms: FilterTerms): void {
  const { facts, classes, agents, with: mixed, identities } = terms;
  for (const term of [...facts, ...classes, ...agents, ...mixed, ...identities]) {
    if (term.length > longestTerm) throw faultAt(term, longestTerm, `a term has at most ${longestTerm} characters`);
  }
  const count = facts.length + classes.length + agents.length + mixed.length;
  const surplus = count > mostTerms ? mostTerms : identities.length > mostIdentities ? mostIdentities : undefined;
  if (surplus !== undefined) throw new Problem('bad-filter', `the filter has more than ${surplus} terms of a kind`);
}

/** The shorthand `class fact=value /regex/`: a node must match every part. */
function parseWith(term: string, compile: Compile): Expression[] {
  const tokens = tokenize(term);
  if (tokens.length === 0) throw faultAt(term, term.length, 'a class, a fact or a regex is missing');
  return tokens.map((token) => {
    if (token.kind === 'operand') return parseOperand(token, compile);
    throw faultAt(term, token.start, 'this belongs in a compound expression', 'use --select');
  });
}
