/** Cuts a script into tokens (Puppet language reference, lexical structure). */
import { limits } from '../limits.ts';
import { failAt, type ScriptSource } from '../source.ts';
import { parseNumber } from './number.ts';
import { skipBlanks } from './skip.ts';
import { cutDouble, cutSingle, type CutString } from './string.ts';
import { keywords, operators, type Token } from './token.ts';

/** @returns the tokens, the last of kind `end` @throws Problem `bad-script` */
export function lex(source: ScriptSource): readonly Token[] {
  if (source.text.length > limits.script) {
    failAt({ source, at: 0 }, `the script is longer than ${limits.script / 1024} KiB`);
  }
  return lexUntil(source, 0, false, 0).tokens;
}

/** @param nested true for the expression of a `${`, which ends at the `}` that closes it */
function lexUntil(source: ScriptSource, from: number, nested: boolean, depth: number) {
  if (depth > limits.nesting) failAt({ source, at: from }, `strings are nested deeper than ${limits.nesting}`);
  const tokens: Token[] = [];
  let braces = 0;
  let at = from;
  for (;;) {
    const start = skipBlanks(source, at);
    const gap = start > at;
    if (start >= source.text.length) {
      if (nested) failAt({ source, at: from }, 'an expression begins here that no “}” ends');
      tokens.push({ kind: 'end', text: '', at: start, gap });
      return { tokens, end: start };
    }
    const { token, end } = cutToken(source, start, gap, tokens.at(-1), depth);
    if (token.kind === 'operator' && token.text === '{') braces++;
    if (token.kind === 'operator' && token.text === '}' && braces-- === 0 && nested) {
      tokens.push({ kind: 'end', text: '', at: start, gap });
      return { tokens, end };
    }
    tokens.push(token);
    at = end;
  }
}

interface Cut {
  readonly token: Token;
  readonly end: number;
}

const forms: readonly (readonly [Token['kind'], RegExp])[] = [
  ['variable', /\$((?:::)?(?:\w+::)*\w+)/y],
  ['number', /\d(?:[xX][0-9A-Fa-f]+|[\d]*(?:\.\d+)?(?:[eE][+-]?\d+)?)/y],
  ['name', /(?:::)?[a-z_](?:[\w-]*\w)?(?:::[a-z_](?:[\w-]*\w)?)*/y],
  ['reference', /(?:::)?[A-Z]\w*(?:::[A-Z]\w*)*/y],
];

function cutToken(source: ScriptSource, at: number, gap: boolean, last: Token | undefined, depth: number): Cut {
  const { text } = source;
  const sign = text[at];
  if (sign === "'") return stringToken(cutSingle(source, at), at, gap);
  if (sign === '"') {
    return stringToken(
      cutDouble(source, at, (inner) => lexUntil(source, inner, true, depth + 1)),
      at,
      gap,
    );
  }
  if (sign === '/' && mayBeRegex(last)) {
    const regex = cutRegex(text, at);
    if (regex !== undefined) return { token: { kind: 'regex', text: regex.source, at, gap }, end: regex.end };
  }
  for (const [kind, form] of forms) {
    form.lastIndex = at;
    const found = form.exec(text);
    if (found !== null) return wordToken(source, kind, found[1] ?? found[0], at, form.lastIndex, gap);
  }
  if (text.startsWith('@(', at))
    failAt({ source, at }, 'heredocs are not part of these scripts', 'write a string in quotes');
  const operator = operators.find((one) => text.startsWith(one, at));
  if (operator !== undefined)
    return { token: { kind: 'operator', text: operator, at, gap }, end: at + operator.length };
  const shown = JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0)).slice(1, -1);
  if (sign === '$') return failAt({ source, at }, 'a “$” must be followed by the name of a variable');
  return failAt({ source, at }, `“${shown}” means nothing here`, 'put text in quotes');
}

function wordToken(
  source: ScriptSource,
  kind: Token['kind'],
  text: string,
  at: number,
  end: number,
  gap: boolean,
): Cut {
  if (kind === 'number' && (/\w/.test(source.text[end] ?? '') || parseNumber(text) === undefined)) {
    const [whole] = /^\w[\w.]*/.exec(source.text.slice(at, at + 60)) ?? [text];
    failAt({ source, at }, `“${whole}” is not a valid number`, 'put text in quotes');
  }
  if (kind === 'variable' && !/^(?:::)?(?:[a-z_]\w*::)*(?:[a-z_]\w*|\d+)$/.test(text)) {
    failAt({ source, at }, `“$${text}” is not a valid variable: its name begins with a small letter or “_”`);
  }
  const isKeyword = kind === 'name' && keywords.has(text);
  return { token: { kind: isKeyword ? 'keyword' : kind, text, at, gap }, end };
}

function stringToken({ parts, end }: CutString, at: number, gap: boolean): Cut {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && 'text' in only) {
    return { token: { kind: 'string', text: only.text, at, gap }, end };
  }
  return { token: { kind: 'interpolated', text: '', at, gap, parts }, end };
}

/** A slash after a value divides; elsewhere it begins a regex. */
function mayBeRegex(last: Token | undefined): boolean {
  if (last === undefined) return true;
  if (last.kind === 'operator') return ![')', ']', '|>', '|>>'].includes(last.text);
  return last.kind === 'keyword' && ['and', 'or', 'in', 'if', 'elsif', 'unless', 'case', 'node'].includes(last.text);
}

function cutRegex(text: string, start: number): { source: string; end: number } | undefined {
  let source = '';
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '/') return { source, end: at + 1 };
    const pair = text[at] === '\\' && text[at + 1] !== undefined && text[at + 1] !== '\n';
    if (pair && text[at + 1] !== '/') source += '\\';
    if (pair) at++;
    source += text[at];
  }
  return undefined;
}
