/** Lines of a table for a terminal: a header, columns as wide as their widest cell. */
import { printable } from '../../core/text.ts';
import { type OutputOptions, tableOf } from '../cli/io/format.ts';
import type { CliContext } from '../cli/context.ts';
import { columnsOf, cutTo } from './color.ts';

export function formatTable(headers: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [headers, ...rows];
  const widths = headers.map((_, column) => Math.max(...all.map((row) => columnsOf(row[column] ?? ''))));
  return all.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - columnsOf(cell)));
}

/** Prints a table; on a terminal no wider than that, unless `-o wide` is given. */
export function printTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  options: OutputOptions,
  context: Pick<CliContext, 'out' | 'columns'>,
): void {
  const cells = rows.map((row) => row.map((cell) => printable(cell).replaceAll(/[\n\t]+/g, ' ')));
  const fit = fitTo(options, context);
  for (const line of formatTable(headers, cells)) context.out(fit(line));
}

/** Cuts a line of a table to the width of the terminal, unless `-o wide` is given. */
export function fitTo(options: OutputOptions, { columns }: Pick<CliContext, 'columns'>): (line: string) => string {
  if (columns === undefined || tableOf(options) === 'wide') return (line) => line;
  return (line) => cutTo(line, columns);
}
