import { Problem } from '../errors.ts';

/** A line with content: not a comment and not empty. */
export interface Line {
  readonly file: string;
  /** From 1. */
  readonly number: number;
  /** Without the spaces around it. */
  readonly text: string;
}

const largestFile = 256 * 1024;
const longestLine = 8192;

/** @throws Problem `bad-policy` when it is too large or has characters that no editor shows */
export function linesOf(text: string, file: string): Line[] {
  if (text.length > largestFile)
    throw new Problem('bad-policy', `${file}: it is larger than ${largestFile} characters`);
  return text
    .replace(/^\u{feff}/u, '')
    .split(/\r?\n/)
    .map((line, index) => ({ file, number: index + 1, text: line.trim() }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'))
    .map(checkLine);
}

function checkLine(line: Line): Line {
  if (line.text.length > longestLine) throw faultIn(line, `it is longer than ${longestLine} characters`);
  // Invisible characters could make a line mean something else than it shows.
  const hidden = /[^\P{C}\t]|[\p{Zl}\p{Zp}]/u.exec(line.text)?.[0].codePointAt(0);
  if (hidden === undefined) return line;
  throw faultIn(line, `it has the invisible character U+${hidden.toString(16).toUpperCase().padStart(4, '0')}`);
}

/** A `bad-policy` that names the file and the line; one such line makes the whole file invalid. */
export function faultIn({ file, number }: Line, message: string, hint = '', options?: ErrorOptions): Problem {
  return new Problem('bad-policy', `${file}:${number}: ${message}`, hint, options);
}
