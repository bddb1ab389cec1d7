import type { ActionDdl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import type { Outcome } from '../../core/request/reply.ts';
import { printable } from '../../core/text.ts';
import type { CliContext } from '../cli/context.ts';
import { aggregateLines } from './aggregate.ts';

export type Display = 'ok' | 'failed' | 'all' | 'none';

/** @throws Problem `usage` */
export function chooseDisplay(given: string | undefined, { display }: ActionDdl): Display {
  if (given === undefined) return display === 'always' ? 'all' : display;
  if (given === 'ok' || given === 'failed' || given === 'all' || given === 'none') return given;
  throw new Problem('usage', `“${given}” is nothing that can be displayed`, 'say ok, failed, all or none');
}

export function shows(display: Display, { outcome }: Outcome): boolean {
  if (display === 'all' || outcome !== 'ok') return display !== 'none' && (display !== 'ok' || outcome === 'ok');
  return display === 'ok';
}

/**
 * Shown replies node by node, then sums, then the counts, as MCollective's users know them.
 * @param times milliseconds
 */
export function renderOutcomes(
  shown: readonly Outcome[],
  all: readonly Outcome[],
  action: ActionDdl,
  times: { readonly discovery: number; readonly calls: number },
  { out, err }: CliContext,
): void {
  for (const outcome of shown) for (const line of outcomeLines(outcome, action)) out(printable(line));
  const silent = all.filter(({ outcome }) => outcome === 'no-response');
  for (const line of aggregateLines(all, action)) out(printable(line));
  if (all.length === 0) return;
  const replied = all.length - silent.length;
  out(
    `Finished processing ${replied} / ${all.length} hosts in ${times.calls.toFixed(2)} ms (found in ${times.discovery.toFixed(2)} ms)`,
  );
  if (silent.length === 0) return;
  err('No response from:');
  for (const { node, message } of silent) err(printable(`  ${node.padEnd(38)} ${message}`));
}

export function outcomeLines({ node, outcome, message, hint, data }: Outcome, action: ActionDdl): string[] {
  if (outcome === 'no-response') return [];
  if (outcome !== 'ok')
    return [`${node.padEnd(40)} ${outcome}: ${message.replaceAll('\n', '\n  ')}${hint === '' ? '' : ` (${hint})`}`, ''];
  const headings = headingsOf(action);
  const entries = Object.entries(data).map(([name, value]) => [headings.get(name) ?? name, value] as const);
  const width = Math.max(0, ...entries.map(([heading]) => heading.length));
  return [
    node,
    ...entries.map(([heading, value]) => `  ${heading.padStart(width)}: ${valueText(value, width + 4)}`),
    '',
  ];
}

function headingsOf({ output }: ActionDdl): Map<string, string> {
  const properties = (output as { properties?: Record<string, unknown> }).properties ?? {};
  const headings = new Map<string, string>();
  for (const [name, schema] of Object.entries(properties)) {
    if (typeof schema === 'object' && schema !== null && 'x-display-as' in schema)
      headings.set(name, String(schema['x-display-as']));
  }
  return headings;
}

function valueText(value: unknown, indent: number): string {
  if (typeof value === 'string') return value.replaceAll('\n', `\n${' '.repeat(indent)}`);
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'object' && value !== null
    ? JSON.stringify(value, null, 2).replaceAll('\n', `\n${' '.repeat(indent)}`)
    : String(value);
}

/** An outcome as `--json` prints it; `node` first, so that it can name nodes to a later command. */
export function outcomeJson({ node, outcome, status, code, message, hint, data, elapsed }: Outcome) {
  return { node, outcome, status, code, message, hint, data, ms: Math.round(elapsed * 100) / 100 };
}
