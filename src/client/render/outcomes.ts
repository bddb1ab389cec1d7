import type { ActionDdl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { printable } from '../../core/text.ts';
import type { CliContext } from '../cli/context.ts';
import { type OutputOptions, tableOf } from '../cli/io/format.ts';
import { type Paint, paintFor } from './color.ts';
import { shorten } from './missing.ts';
import { outcomeTable } from './outcome-table.ts';
import { headingsOf } from './headings.ts';
import { aggregateLines } from './aggregate.ts';
import { propertiesOf, valueLines } from './values.ts';

export type Display = 'ok' | 'failed' | 'all' | 'none';

/** @throws Problem `usage` */
export function chooseDisplay(option: string | undefined, { display }: ActionDdl): Display {
  if (option === undefined) return display === 'always' ? 'all' : display;
  if (option === 'ok' || option === 'failed' || option === 'all' || option === 'none') return option;
  throw new Problem('usage', `“${option}” is not a valid display`, 'use ok, failed, all or none');
}

export function shows(display: Display, { outcome }: Outcome): boolean {
  if (display === 'all' || outcome !== 'ok') return display !== 'none' && (display !== 'ok' || outcome === 'ok');
  return display === 'ok';
}

/** How replies are printed; times in milliseconds. */
export interface Rendering {
  readonly discovery: number;
  readonly calls: number;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly table?: boolean;
  readonly output?: OutputOptions['output'] | undefined;
}

/**
 * Shown replies node by node, then sums, then the counts, as MCollective prints them.
 * @param how times in milliseconds, and the command's options
 */
export function renderOutcomes(
  shown: readonly Outcome[],
  all: readonly Outcome[],
  action: ActionDdl,
  how: Rendering,
  context: CliContext,
): void {
  const { out, err } = context;
  const paint = paintFor(context);
  const now = Date.now();
  const wide = how.output === 'wide';
  const lines =
    how.table === true || tableOf(how) !== undefined
      ? outcomeTable(shown, action, { paint, now, wide })
      : shown.flatMap((one) => outcomeLines(one, action, { ...how, paint }));
  for (const line of lines) out(printable(line));
  if (how.quiet === true) return;
  const silent = all.filter(({ outcome }) => outcome === 'no-response');
  for (const line of aggregateLines(all, action)) out(printable(line));
  if (all.length === 0) return;
  const replied = all.length - silent.length;
  out(
    `Finished processing ${replied} / ${all.length} hosts in ${how.calls.toFixed(2)} ms (found in ${how.discovery.toFixed(2)} ms)`,
  );
  if (silent.length === 0) return;
  err('No response from:');
  const names = silent.map(({ node, message }) => `  ${node.padEnd(38)} ${message}`);
  for (const line of shorten(names, how.verbose === true)) err(printable(line));
}

export function outcomeLines(
  { node, outcome, message, hint, data, elapsed }: Outcome,
  action: ActionDdl,
  { verbose, paint }: Pick<Rendering, 'verbose'> & { readonly paint: Paint },
): string[] {
  if (outcome === 'no-response') return [];
  if (outcome !== 'ok')
    return [
      `${node.padEnd(40)} ${paint('red', `${outcome}:`)} ${message.replaceAll('\n', '\n  ')}${hint === '' ? '' : ` (${hint})`}`,
      '',
    ];
  const headings = headingsOf(action);
  const schemas = propertiesOf(action.output);
  const entries = Object.entries(data).map(
    ([name, value]) => [headings.get(name) ?? name, value, schemas[name]] as const,
  );
  const width = Math.max(0, ...entries.map(([heading]) => heading.length));
  return [
    verbose === true ? `${node.padEnd(40)} time=${elapsed.toFixed(2)} ms` : paint('bold', node),
    ...entries.flatMap(([heading, value, schema]) => entryLines(heading.padStart(width), value, schema)),
    '',
  ];
}

/** A value beside its heading; a table or fields below it. */
function entryLines(heading: string, value: unknown, schema: unknown): string[] {
  const lines = valueLines(value, schema, Date.now());
  const isBelow = lines.length > 1 && typeof value === 'object';
  if (isBelow) return [`  ${heading}:`, ...lines.map((line) => `      ${line}`)];
  return [`  ${heading}: ${lines.join(`\n${' '.repeat(heading.length + 4)}`)}`];
}

/** An outcome as `--json` prints it; `node` first, so that it can name nodes to a later command. */
export function outcomeJson({ node, outcome, status, code, message, hint, data, elapsed }: Outcome) {
  return { node, outcome, status, code, message, hint, data, elapsed_ms: Math.round(elapsed) };
}
