/** Strings, and the pieces of those in double quotes. */
import { failAt, type ScriptSource } from '../source.ts';
import type { StringPart, Token } from './token.ts';

/**
 * Cuts the expression of a `${` whose first character is at an offset. Returns its tokens and the offset after its `}`.
 */
export type CutNested = (at: number) => { readonly tokens: readonly Token[]; readonly end: number };

export interface CutString {
  readonly parts: readonly StringPart[];
  /** The offset after the closing quote. */
  readonly end: number;
}

/** `'…'`: only `\'` and `\\` are escapes. @param start of the opening quote */
export function cutSingle(source: ScriptSource, start: number): CutString {
  const { text } = source;
  let value = '';
  for (let at = start + 1; at < text.length; at++) {
    const sign = text[at];
    if (sign === "'") return { parts: [{ text: value }], end: at + 1 };
    const next = text[at + 1];
    if (sign === '\\' && (next === "'" || next === '\\')) {
      value += next;
      at++;
    } else value += sign;
  }
  return failAt({ source, at: start }, 'a string begins here that no quote ends');
}

const plainVariable = /\$((?:::)?(?:\w+::)*\w+)/y;

/** `"…"`: escapes, `$name` and `${expression}`. @param start of the opening quote */
export function cutDouble(source: ScriptSource, start: number, nested: CutNested): CutString {
  const { text } = source;
  const parts: StringPart[] = [];
  let value = '';
  const keep = (part: StringPart) => {
    if (value !== '') parts.push({ text: value });
    value = '';
    parts.push(part);
  };
  for (let at = start + 1; at < text.length; ) {
    const sign = text[at];
    if (sign === '"') {
      if (value !== '' || parts.length === 0) parts.push({ text: value });
      return { parts, end: at + 1 };
    }
    if (sign === '\\') {
      const escaped = readEscape(source, at);
      value += escaped.text;
      at = escaped.end;
    } else if (text.startsWith('${', at)) {
      const { tokens, end } = nested(at + 2);
      keep({ tokens, at: at + 2 });
      at = end;
    } else {
      plainVariable.lastIndex = at;
      const name = plainVariable.exec(text)?.[1];
      if (name === undefined) {
        value += sign;
        at++;
      } else {
        keep({ variable: name, at });
        at += name.length + 1;
      }
    }
  }
  return failAt({ source, at: start }, 'a string begins here that no quote ends');
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  s: ' ',
  '"': '"',
  "'": "'",
  '\\': '\\',
  $: '$',
  '\n': '',
};

/** One escape; a backslash before anything else is literal. */
function readEscape(source: ScriptSource, at: number): { text: string; end: number } {
  const { text } = source;
  const next = text[at + 1] ?? '';
  if (next === 'u') {
    const [whole, four, more] = /^\\u(?:([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,6})\})/.exec(text.slice(at, at + 10)) ?? [];
    const code = Number.parseInt(four ?? more ?? '', 16);
    if (whole === undefined || code > 0x10ffff)
      failAt({ source, at }, 'a \\u must be followed by four hexadecimal digits, or by up to six in braces');
    return { text: String.fromCodePoint(code), end: at + (whole ?? '').length };
  }
  const meant = Object.hasOwn(escapes, next) ? escapes[next] : undefined;
  return meant === undefined ? { text: '\\', end: at + 1 } : { text: meant, end: at + 2 };
}
