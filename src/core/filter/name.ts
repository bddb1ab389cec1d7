import type { IdentityTest, NameTest } from './expression.ts';
import { faultAt } from './fault.ts';
import type { Match } from './pattern.ts';
import { type Compile, compileAt, type Range, textOf, wholeOf } from './range.ts';

/** A name, or the source of a regex with its pattern. */
export interface Name {
  readonly value: string;
  readonly pattern: Match | undefined;
}

const nameSyntax = /^[\p{L}\p{N}_][\p{L}\p{N}_:.@+/-]*$/u;
const longestName = 256;

/**
 * A class, an agent or an identity, or a /regex/ for one.
 * @throws Problem `bad-filter`
 */
function parseName(range: Range, what: 'class' | 'agent' | 'identity', compile: Compile): Name {
  const { text, start, end } = range;
  const value = textOf(range);
  if (value.startsWith('/')) {
    if (value.length < 2 || !value.endsWith('/')) throw faultAt(text, start, 'the regex has no closing slash');
    return { value: value.slice(1, -1), pattern: compileAt({ text, start: start + 1, end: end - 1 }, compile) };
  }
  if (value === '') throw faultAt(text, start, `the ${what} is missing`);
  if (value.length > longestName) throw faultAt(text, start, `a name has at most ${longestName} characters`);
  if (!nameSyntax.test(value)) {
    const message = `this is not allowed in the name of ${article(what)}`;
    throw faultAt(text, start + faultIn(value), message, meant(value));
  }
  return { value, pattern: undefined };
}

/** @throws Problem `bad-filter` */
export function parseNameTest(range: Range, kind: NameTest['kind'], compile: Compile): NameTest {
  return { kind, ...parseName(range, kind, compile) };
}

/** @throws Problem `bad-filter` */
export function parseIdentities(terms: readonly string[], compile: Compile): IdentityTest {
  const names = terms.map((term) => parseName(wholeOf(term), 'identity', compile));
  return {
    kind: 'identity',
    // Names of nodes are lower-case, as in certificates; operators may use any case.
    names: new Set(names.flatMap(({ value, pattern }) => (pattern === undefined ? [value.toLowerCase()] : []))),
    patterns: names.flatMap(({ pattern }) => (pattern === undefined ? [] : [pattern])),
  };
}

function faultIn(name: string): number {
  for (let length = 1; length <= name.length; length++) {
    if (!nameSyntax.test(name.slice(0, length))) return length - 1;
  }
  return 0;
}

/** How to write what the value looks like. */
function meant(value: string): string {
  if (/[[\]()*^$|?\\]/.test(value)) return 'a regex stands between slashes, such as /^web/';
  return value.includes(',') ? 'give the option once for each name' : '';
}

function article(what: string): string {
  return what === 'class' ? 'a class' : `an ${what}`;
}
