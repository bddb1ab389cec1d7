import type { NameTest } from './expression.ts';
import type { FactTest } from './fact.ts';
import { hasOperator, parseFact } from './fact-term.ts';
import { faultAt } from './fault.ts';
import { parseNameTest } from './name.ts';
import type { Compile, Range } from './range.ts';

/** A piece of an expression: its position and its kind. */
export interface Token extends Range {
  readonly kind: '(' | ')' | 'and' | 'or' | 'not' | 'operand';
}

const mostTokens = 1024;

/**
 * Splits an expression into parentheses, the words `and`, `or`, `not` (in any case; `!` also), and operands: a class, a
 * fact's test, or a /regex/ for a class. A regex and a fact's quoted value keep their spaces and parentheses.
 * @throws Problem `bad-filter`
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at] ?? '')) {
      at++;
      continue;
    }
    const token = tokenAt(text, at);
    if (tokens.push(token) > mostTokens) throw faultAt(text, at, `the expression has more than ${mostTokens} parts`);
    at = token.end;
  }
  return tokens;
}

/** @throws Problem `bad-filter` */
export function parseOperand(token: Range, compile: Compile): FactTest | NameTest {
  return hasOperator(token) ? parseFact(token, compile, true) : parseNameTest(token, 'class', compile);
}

function tokenAt(text: string, start: number): Token {
  const sign = text[start];
  if (sign === '(' || sign === ')') return { kind: sign, text, start, end: start + 1 };
  if (sign === '!') return { kind: 'not', text, start, end: start + 1 };
  const end = operandEnd(text, start);
  const word = text.slice(start, end).toLowerCase();
  return { kind: word === 'and' || word === 'or' || word === 'not' ? word : 'operand', text, start, end };
}

function operandEnd(text: string, start: number): number {
  let at = start;
  while (!isDelimiter(text[at])) {
    const opens = at === start || /[=<>~]/.test(text[at - 1] ?? '');
    const sign = text[at];
    if (opens && sign === '/') at = regexEnd(text, at) ?? at + 1;
    else if (opens && (sign === '"' || sign === "'")) at = quoteEnd(text, at);
    else at++;
  }
  return at;
}

/** After the slash that closes the regex, or undefined when it is a path and not a regex. */
function regexEnd(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '/') return isDelimiter(text[at + 1]) ? at + 1 : undefined;
  }
  return undefined;
}

function quoteEnd(text: string, start: number): number {
  const end = text.indexOf(text[start] ?? '', start + 1) + 1;
  if (end === 0) throw faultAt(text, start, 'the quotation mark is not closed');
  if (!isDelimiter(text[end])) throw faultAt(text, end, 'there must be a space after the quotation mark');
  return end;
}

function isDelimiter(sign: string | undefined): boolean {
  return sign === undefined || sign === '(' || sign === ')' || /\s/.test(sign);
}
