import type { Expression } from './expression.ts';
import { faultAt } from './fault.ts';
import type { Compile } from './range.ts';
import { parseOperand, type Token, tokenize } from './tokens.ts';

const longestExpression = 4096;
const deepest = 32;

/**
 * A compound expression: classes, /regexes/ for classes and facts, joined by `and`, `or`, `not` (`!`) and parentheses.
 * `not` binds tighter than `and`, and `and` tighter than `or`. It becomes data and is never executed.
 * @throws Problem `bad-filter`
 */
export function parseSelect(text: string, compile: Compile): Expression {
  if (text.length > longestExpression) {
    throw faultAt(text, longestExpression, `the expression is longer than ${longestExpression} characters`);
  }
  const tokens = tokenize(text);
  let next = 0;

  function parseJoined(join: 'or' | 'and', depth: number): Expression {
    const parts: Expression[] = [];
    do parts.push(join === 'or' ? parseJoined('and', depth) : parseNot(depth));
    while (take(join));
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: join, parts };
  }

  function parseNot(depth: number): Expression {
    if (depth > deepest) throw faultHere(`the expression is nested deeper than ${deepest} levels`);
    if (take('not')) return { kind: 'not', part: parseNot(depth + 1) };
    if (take('(')) {
      const inner = parseJoined('or', depth + 1);
      if (!take(')')) throw faultHere('“)” or “and” or “or” is missing');
      return inner;
    }
    const operand = tokens[next];
    if (operand?.kind !== 'operand') throw faultHere('a class, a fact or a regex is missing');
    next++;
    return parseOperand(operand, compile);
  }

  function take(kind: Token['kind']): boolean {
    if (tokens[next]?.kind !== kind) return false;
    next++;
    return true;
  }

  function faultHere(message: string) {
    return faultAt(
      text,
      tokens[next]?.start ?? text.length,
      message,
      'for example: web and (cluster=alfa or not /db/)',
    );
  }

  const expression = parseJoined('or', 0);
  const rest = tokens[next];
  if (rest?.kind === ')') throw faultHere('“)” has no “(”');
  if (rest && /^(?:!=|[=<>])/.test(text.slice(rest.start, rest.start + 2))) {
    throw faultHere('a fact is written without spaces around the operator');
  }
  if (rest?.kind === '(' && tokens[next - 1]?.end === rest.start) throw faultHere('there are no functions here');
  if (rest !== undefined) throw faultHere('“and” or “or” is missing');
  return expression;
}
