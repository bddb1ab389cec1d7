/** Text and structures with `${{ }}` in them. */
import { isObject } from '../../core/json.ts';
import { type CelContext, compileExpression, type Expression } from './expression.ts';
import type { SourceLocation } from '../source/locations.ts';
import type { Shape } from './shapes.ts';

/** Returns a value when the variables are known. */
export type Template = (context: CelContext) => unknown;

type Part = string | Expression;

/** True when no part of the value depends on variables. */
export function isLiteral(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('${{');
  if (Array.isArray(value)) return value.every(isLiteral);
  return !isObject(value) || Object.values(value).every(isLiteral);
}

/**
 * A scalar that is one expression returns that expression’s value unchanged; otherwise expressions become text.
 * @param placeAt the position of a path within the value
 */
export function compileTemplate(
  value: unknown,
  roots: Shape,
  placeAt: (path: readonly string[], value: unknown) => SourceLocation,
  path: readonly string[] = [],
): Template {
  if (typeof value === 'string') return compileText(value, roots, placeAt(path, value));
  const child = (item: unknown, key: string) => compileTemplate(item, roots, placeAt, [...path, key]);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => child(item, String(index)));
    return (context) => items.map((item) => item(context));
  }
  if (isObject(value)) {
    const entries = Object.entries(value).map(([key, item]) => [key, child(item, key)] as const);
    return (context) => Object.fromEntries(entries.map(([key, item]) => [key, item(context)]));
  }
  return () => value;
}

function compileText(text: string, roots: Shape, location: SourceLocation): Template {
  const parts = parseParts(text, roots, location);
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return (context) => only.evaluate(context);
  return (context) => parts.map((part) => (typeof part === 'string' ? part : toText(part.evaluate(context)))).join('');
}

/** An expression by itself: `a == b` and `${{ a == b }}` are the same. */
export function compileCondition(text: string, roots: Shape, location: SourceLocation): Expression {
  return compileBare(text, roots, location, 'bool');
}

export function compileBare(
  text: string,
  roots: Shape,
  location: SourceLocation,
  type: 'bool' | 'any' = 'any',
): Expression {
  const [, before = '', inside = text] = /^(\s*\$\{\{)(.*)\}\}\s*$/s.exec(text) ?? [];
  const offset = before.length + (/^\s*/.exec(inside)?.[0].length ?? 0);
  return compileExpression(inside.trim(), roots, location, offset, type);
}

export function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  if (Array.isArray(value)) return value.map(toText).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function parseParts(text: string, roots: Shape, location: SourceLocation): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf('${{', at);
    if (open < 0) break;
    if (open > at) parts.push(text.slice(at, open));
    const close = closing(text, open + 3);
    if (close < 0) location.fail('an expression starts here without a closing “}}”', open);
    const inside = text.slice(open + 3, close);
    const blank = inside.length - inside.trimStart().length;
    parts.push(compileExpression(inside.trim(), roots, location, open + 3 + blank));
    at = close + 2;
  }
  if (at < text.length || parts.length === 0) parts.push(text.slice(at));
  return parts;
}

/** The closing `}}`, which is not in a string or of a nested map. */
function closing(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"' || char === "'") at = endOfString(text, at);
    else if (char === '{') depth++;
    else if (char === '}' && depth > 0) depth--;
    else if (char === '}' && text.charAt(at + 1) === '}') return at;
  }
  return -1;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text.charAt(at) === '\\') at++;
    else if (text.charAt(at) === text.charAt(start)) return at;
  }
  return text.length;
}
