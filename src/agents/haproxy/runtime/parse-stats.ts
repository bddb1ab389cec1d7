import { Problem } from '../../../core/errors.ts';

/** One line of an answer, by the names of its columns. */
export type Row = ReadonlyMap<string, string>;

/** Whether this is the answer to “show stat” for a name that no proxy has. */
export function isNoProxy(answer: string): boolean {
  return answer === 'No such proxy.';
}

/**
 * Parses the answer to “show stat” (management guide, 9.1): CSV whose first line, after `# `, names the columns.
 * @throws Problem `haproxy-answer` for every other form
 */
export function parseStat(answer: string): Row[] {
  const [first = '', ...lines] = answer.split('\n');
  if (!first.startsWith('# pxname,svname,')) {
    throw new Problem('haproxy-answer', `HAProxy answered “show stat” in an unknown form: ${first.slice(0, 80)}`);
  }
  const columns = splitCsv(first.slice(2));
  return lines.filter((line) => line !== '').map((line) => toRow(columns, splitCsv(line)));
}

/**
 * Parses the answer to “show servers state” (management guide, 9.3): a version, the columns after `# `, the servers.
 * @throws Problem `haproxy-answer` for another version of the format or another form
 */
export function parseServersState(answer: string): Row[] {
  const [version = '', header = '', ...lines] = answer.split('\n');
  if (version !== '1' || !header.startsWith('# ')) {
    throw new Problem(
      'haproxy-answer',
      `HAProxy answered “show servers state” in an unknown form: ${version.slice(0, 80)}`,
    );
  }
  const columns = header.slice(2).split(' ');
  return lines.filter((line) => line !== '').map((line) => toRow(columns, line.split(' ')));
}

/** The text in a column. @throws Problem `haproxy-answer` when this HAProxy has no such column */
export function textIn(row: Row, column: string): string {
  const text = row.get(column);
  if (text === undefined) throw new Problem('haproxy-answer', `HAProxy’s answer has no column “${column}”`);
  return text;
}

/** The whole number in a column; 0 where it is empty. @throws Problem `haproxy-answer` for anything else */
export function integerIn(row: Row, column: string): number {
  const text = textIn(row, column);
  if (/^-?[0-9]{1,15}$/.test(text)) return Number(text);
  if (text === '') return 0;
  throw new Problem(
    'haproxy-answer',
    `HAProxy’s answer has “${text.slice(0, 40)}” in the column “${column}”, not a number`,
  );
}

function toRow(columns: readonly string[], fields: readonly string[]): Row {
  return new Map(columns.map((column, index) => [column, fields[index] ?? '']));
}

/** Splits a line of CSV (RFC 4180, without line breaks inside fields). */
function splitCsv(line: string): string[] {
  const fields: string[] = [];
  let at = 0;
  while (at <= line.length) {
    if (line[at] === '"') {
      const [text, next] = quotedField(line, at + 1);
      fields.push(text);
      at = next + 1;
    } else {
      const comma = line.indexOf(',', at);
      const end = comma === -1 ? line.length : comma;
      fields.push(line.slice(at, end));
      at = end + 1;
    }
  }
  return fields;
}

/** The text up to the closing quote, and the index of the comma after it. */
function quotedField(line: string, start: number): [string, number] {
  let text = '';
  let at = start;
  while (at < line.length) {
    if (line[at] !== '"') text += line[at++];
    else if (line[at + 1] === '"') {
      text += '"';
      at += 2;
    } else break;
  }
  const comma = line.indexOf(',', at);
  return [text, comma === -1 ? line.length : comma];
}
