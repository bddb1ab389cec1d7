/**
 * Colours of a terminal. Text is marked (with private-use characters of Unicode), and the marks become escape sequences
 * where a line is written: there all other control characters are escaped, whatever their source.
 */

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Color = keyof typeof codes;
export type Paint = (color: Color, text: string) => string;

const names = Object.keys(codes) as Color[];
const first = 0xe101;
const end = '\ue100';
const marks = /[\ue100-\ue10f]/g;

/** @param colors whether the marks may be used: otherwise text stays as it is */
export function paintFor({ colors }: { readonly colors?: boolean }): Paint {
  if (colors !== true) return (_, text) => text;
  return (color, text) => (text === '' ? '' : `${String.fromCharCode(first + names.indexOf(color))}${text}${end}`);
}

/** The marks as escape sequences (ECMA-48, SGR), or omitted. */
export function applyColors(line: string, on: boolean): string {
  return line.replaceAll(marks, (mark) => (on ? sequenceOf(mark) : ''));
}

function sequenceOf(mark: string): string {
  const name = names[mark.charCodeAt(0) - first];
  return name === undefined ? '\x1b[0m' : `\x1b[${codes[name]}m`;
}

/** Characters with a width. */
export function columnsOf(text: string): number {
  return [...text.replaceAll(marks, '')].length;
}

/** The part of a line that fits; a colour that was begun is ended. */
export function cutTo(line: string, columns: number): string {
  if (columnsOf(line) <= columns) return line;
  let left = columns - 1;
  const kept = [...line].filter((character) => {
    const isMark = columnsOf(character) === 0;
    return isMark || left-- > 0;
  });
  return `${kept.join('').trimEnd()}…`;
}

/** The kind of a message is coloured: errors in red, warnings in yellow. */
export function paintMessage(line: string, paint: Paint): string {
  const [, head = '', rest = ''] = /^(mco-deploy: |warning: )([\s\S]*)$/.exec(line) ?? [];
  return head === '' ? line : `${paint(head === 'warning: ' ? 'yellow' : 'red', head.trimEnd())} ${rest}`;
}
