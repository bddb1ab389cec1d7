import type { ActionDdl } from '../../core/ddl/ddl.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { isObject } from '../../core/json.ts';
import type { Paint } from './color.ts';
import { headingsOf } from './headings.ts';
import { formatTable } from './table.ts';
import { cellOf, propertiesOf } from './values.ts';

export interface TableOptions {
  readonly paint: Paint;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Also how each call ended and how long it took. */
  readonly wide: boolean;
}

/**
 * Replies as a table: a line for each node, a column for each output; a node that failed has its message instead. A list of
 * objects has a line for each of them.
 */
export function outcomeTable(
  outcomes: readonly Outcome[],
  action: ActionDdl,
  { paint, now, wide }: TableOptions,
): string[] {
  const headings = headingsOf(action);
  const schemas = propertiesOf(action.output);
  const names = [...new Set(outcomes.flatMap(({ data }) => Object.keys(data)))];
  const list = names.find((name) => isListEverywhere(outcomes.map(({ data }) => data[name])));
  const plain = names.filter((name) => name !== list);
  const items = list === undefined ? undefined : (schemas[list] as { readonly items?: unknown } | undefined)?.items;
  const inner =
    list === undefined ? [] : [...new Set(outcomes.flatMap(({ data }) => itemsOf(data[list]).flatMap(Object.keys)))];
  const good = ({ node, outcome, data, elapsed }: Outcome): string[][] => {
    const own = plain.map((name) => cellOf(data[name], schemas[name], now, wide));
    const times = wide ? [paint('green', outcome), `${elapsed.toFixed(1)} ms`] : [];
    const rows = list === undefined ? [{}] : itemsOf(data[list]);
    const cells = rows.map((row) => inner.map((name) => cellOf(row[name], propertiesOf(items)[name], now, wide)));
    const [first = inner.map(() => '-'), ...more] = cells;
    return [
      [node, ...times, ...own, ...first],
      ...more.map((row) => [node, ...times.map(() => ''), ...own.map(() => ''), ...row]),
    ];
  };
  const heads = [
    'node',
    ...(wide ? ['outcome', 'time'] : []),
    ...plain.map((name) => headings.get(name) ?? name),
    ...inner,
  ];
  const lines = formatTable(
    heads,
    outcomes.flatMap((one) => (one.outcome === 'ok' ? good(one) : [])),
  );
  const bad = outcomes.filter(({ outcome }) => outcome !== 'ok');
  const width = Math.max(4, ...outcomes.map(({ node }) => node.length));
  return [
    ...(bad.length === outcomes.length && bad.length > 0 ? [] : lines),
    ...bad.map(
      ({ node, outcome, message }) =>
        `${node.padEnd(width)}  ${paint('red', `${outcome}:`)} ${message.replaceAll(/\s+/g, ' ')}`,
    ),
  ];
}

function isListEverywhere(values: readonly unknown[]): boolean {
  const present = values.filter((value) => value !== undefined);
  return (
    present.length > 0 &&
    present.every((value) => Array.isArray(value) && value.every(isObject)) &&
    present.flat().length > 0
  );
}

function itemsOf(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((one) => isObject(one)) : [];
}
