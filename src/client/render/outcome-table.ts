import type { ActionDdl } from '../../core/ddl/ddl.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { headingsOf } from './headings.ts';

/** Replies as a table: a line for each node, a column for each output; a node that failed has its message instead. */
export function outcomeTable(outcomes: readonly Outcome[], action: ActionDdl): string[] {
  const headings = headingsOf(action);
  const names = [...new Set(outcomes.flatMap(({ data }) => Object.keys(data)))];
  const rows = outcomes.map(({ node, outcome, message, data }) =>
    outcome === 'ok' ? [node, ...names.map((name) => cell(data[name]))] : [node, `${outcome}: ${cell(message)}`],
  );
  const head = ['node', ...names.map((name) => headings.get(name) ?? name)];
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.filter((row) => row.length === head.length).map((row) => row[at]?.length ?? 0)),
  );
  widths[0] = Math.max(4, ...rows.map(([node = '']) => node.length));
  return [head, ...rows].map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return '-';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replaceAll(/\s+/g, ' ');
}
