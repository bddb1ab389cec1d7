import { Problem } from '../errors.ts';

const longestShown = 60;

/**
 * A `bad-filter` that shows the text and, in the next line, a caret under the fault. A long text is shown only around
 * the fault, and without characters that could move a terminal's cursor.
 * @param offset in UTF-16 units, at most the text's length
 */
export function faultAt(text: string, offset: number, message: string, hint = '', options?: ErrorOptions): Problem {
  const from = Math.max(0, Math.min(offset - longestShown / 2, text.length - longestShown));
  const to = Math.min(text.length, from + longestShown);
  const before = (from > 0 ? '…' : '') + printable(text.slice(from, offset));
  const after = printable(text.slice(offset, to)) + (to < text.length ? '…' : '');
  const caret = `${' '.repeat([...before].length)}^`;
  return new Problem('bad-filter', `${message}\n  ${before}${after}\n  ${caret}`, hint, options);
}

function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\u{fffd}').replace(/\s/g, ' ');
}
