import { type FactOperator, type FactTest, mostParts } from './fact.ts';
import { faultAt } from './fault.ts';
import { type Compile, compileAt, type Range, textOf, trimmed } from './range.ts';

const operators: Readonly<Record<string, FactOperator>> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '<': '<',
  '>': '>',
  '<=': '<=',
  '=<': '<=',
  '>=': '>=',
  '=>': '>=',
  '=~': '=~',
};

const longestName = 256;

/** Whether it contains an operator, so that it tests a fact and is not a name. */
export function hasOperator(range: Range): boolean {
  const text = textOf(range);
  return !text.startsWith('/') && /[=<>]/.test(text);
}

/**
 * `NAME OPERATOR VALUE`. The right-most operator splits it, except those in a /regex/ (or, where the syntax has quotes,
 * in a quoted value) at its end.
 * @throws Problem `bad-filter`
 */
export function parseFact(range: Range, compile: Compile, quotes = false): FactTest {
  const { text, start, end } = range;
  const enclosed = enclosedValue(range, quotes);
  const signEnd = lastOperatorEnd(text, start, enclosed ?? end);
  if (signEnd === undefined) throw faultAt(text, end, 'a fact needs an operator and a value', 'write NAME=VALUE');
  const twoLong = text.slice(Math.max(start, signEnd - 2), signEnd);
  const sign = Object.hasOwn(operators, twoLong) ? twoLong : twoLong.slice(-1);
  const name = parseFactName(trimmed({ text, start, end: signEnd - sign.length }));
  const isEnclosed = enclosed !== undefined;
  const value = isEnclosed ? { text, start: enclosed + 1, end: end - 1 } : trimmed({ text, start: signEnd, end });
  if (!isEnclosed && textOf(value) === '') throw faultAt(text, end, 'the fact’s value is missing');
  const isRegex = isEnclosed && text[enclosed] === '/';
  const operator = operators[sign] ?? '=';
  if (!isRegex && operator !== '=~') {
    return { kind: 'fact', name, operator, value: textOf(value), pattern: undefined };
  }
  if (operator !== '=' && operator !== '!=' && operator !== '=~') {
    throw faultAt(text, signEnd - sign.length, `a regex can’t be compared by ${sign}`, 'use = or !=');
  }
  const pattern = compileAt(value, compile);
  return { kind: 'fact', name, operator: operator === '!=' ? '!~' : '=~', value: textOf(value), pattern };
}

function parseFactName(range: Range): string {
  const { text, start, end } = range;
  const name = textOf(range);
  if (name === '') throw faultAt(text, end, 'the fact’s name is missing', 'write NAME=VALUE');
  if (/[=<>!~]$/.test(name)) {
    const known = Object.keys(operators).join(' ');
    throw faultAt(text, end - 1, 'there is no such operator', `the operators are ${known}`);
  }
  if (name.length > longestName) throw faultAt(text, start, `a fact’s name has at most ${longestName} characters`);
  if (name.split('.').length > mostParts) throw faultAt(text, start, `a fact’s name has at most ${mostParts} parts`);
  return name;
}

/** The start of a /regex/ or a quoted value that follows an operator and continues to the end. */
function enclosedValue({ text, start, end }: Range, quotes: boolean): number | undefined {
  const mark = text[end - 1] ?? '';
  if (mark !== '/' && !(quotes && (mark === '"' || mark === "'"))) return undefined;
  for (let at = text.indexOf(mark, start); at >= 0 && at < end - 1; at = text.indexOf(mark, at + 1)) {
    if (/[=<>]$|=~$/.test(text.slice(start, at).trimEnd().slice(-2))) return at;
  }
  return undefined;
}

/** The end of the right-most operator. */
function lastOperatorEnd(text: string, start: number, end: number): number | undefined {
  for (let at = end - 1; at >= start; at--) {
    const sign = text[at];
    if (sign === '=' || sign === '<' || sign === '>') return at + 1;
    if (sign === '~' && at > start && text[at - 1] === '=') return at + 1;
  }
  return undefined;
}
