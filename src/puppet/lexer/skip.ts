import { failAt, type ScriptSource } from '../source.ts';

const blank = /[ \t\r\n\f\v\u00a0\ufeff]+/y;
const line = /#[^\n]*/y;

/** The offset after blanks and comments. @throws Problem `bad-script` for a comment without an end */
export function skipBlanks(source: ScriptSource, from: number): number {
  const { text } = source;
  let at = from;
  for (;;) {
    const start = at;
    at = endOf(blank, text, at);
    at = endOf(line, text, at);
    if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at + 2);
      if (end < 0) failAt({ source, at }, 'a comment begins here that no “*/” ends');
      at = end + 2;
    }
    if (at === start) return at;
  }
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
