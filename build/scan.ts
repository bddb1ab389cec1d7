/** A small scanner of TypeScript: it knows strings, templates, comments and, roughly, regular expressions. */

/** A comment, or a part of a literal. */
export interface ScannedText {
  /** The line that it begins on, from 1. */
  readonly line: number;
  readonly text: string;
  readonly comment: boolean;
}

/** Where the scanner is in a source. */
interface Cursor {
  readonly source: string;
  at: number;
  line: number;
  /** The last character of code before the cursor: it decides whether a slash begins a regular expression. */
  before: string;
}

export function scan(source: string): ScannedText[] {
  const found: ScannedText[] = [];
  const cursor: Cursor = { source, at: 0, line: 1, before: '' };
  /** Braces that are open in each template that the cursor is within. */
  const depths: number[] = [];
  const readPart = (end: string) => {
    const { line } = cursor;
    const { text, opensCode } = readLiteral(cursor, end);
    if (text !== '') found.push({ line, text, comment: false });
    if (opensCode) depths.push(0);
  };
  while (cursor.at < source.length) {
    const one = source[cursor.at] as string;
    const two = source.slice(cursor.at, cursor.at + 2);
    if (two === '//' || two === '/*') {
      const { line } = cursor;
      found.push({ line, text: readComment(cursor, two), comment: true });
    } else if (one === "'" || one === '"' || one === '`') {
      step(cursor);
      readPart(one);
    } else if (one === '/' && /[(,=:[!&|?{};\n+>]|^$/.test(cursor.before)) skipRegExp(cursor);
    else {
      const endsCode = one === '}' && depths.at(-1) === 0;
      readCode(cursor, one, depths);
      if (endsCode) readPart('`');
    }
  }
  return found;
}

function step(cursor: Cursor): void {
  if (cursor.source[cursor.at] === '\n') cursor.line++;
  cursor.at++;
}

/** Takes one character of code, and follows the braces of the template that it is in. */
function readCode(cursor: Cursor, one: string, depths: number[]): void {
  const depth = depths.pop();
  if (depth !== undefined && one === '{') depths.push(depth + 1);
  else if (depth !== undefined && one === '}' && depth > 0) depths.push(depth - 1);
  else if (depth !== undefined && one !== '}') depths.push(depth);
  if (!/\s/.test(one)) cursor.before = one;
  step(cursor);
}

/** @returns the text up to the end of the literal, or of its template's part; `opensCode` if code follows in a template */
function readLiteral(cursor: Cursor, end: string): { readonly text: string; readonly opensCode: boolean } {
  const { source } = cursor;
  let text = '';
  cursor.before = 'x';
  while (cursor.at < source.length) {
    const one = source[cursor.at] as string;
    const next = source[cursor.at + 1] ?? '';
    step(cursor);
    if (one === end) break;
    if (one === '\\') {
      text += next === 'n' ? '\n' : next;
      step(cursor);
    } else if (end === '`' && one === '$' && next === '{') {
      step(cursor);
      return { text, opensCode: true };
    } else text += one;
  }
  return { text, opensCode: false };
}

function readComment(cursor: Cursor, mark: string): string {
  const { source, at } = cursor;
  const end = mark === '//' ? source.indexOf('\n', at) : source.indexOf('*/', at + 2) + 1;
  while (cursor.at < source.length && (end <= 0 || cursor.at < (mark === '//' ? end : end + 1))) step(cursor);
  return source.slice(at, cursor.at);
}

function skipRegExp(cursor: Cursor): void {
  const { source } = cursor;
  let inClass = false;
  for (step(cursor); cursor.at < source.length && source[cursor.at] !== '\n'; step(cursor)) {
    const one = source[cursor.at];
    if (one === '\\') step(cursor);
    else if (one === '[') inClass = true;
    else if (one === ']') inClass = false;
    else if (one === '/' && !inClass) break;
  }
  step(cursor);
  cursor.before = 'x';
}
