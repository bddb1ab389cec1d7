import { count, printable } from '../../core/text.ts';
import type { Findings, Rumours } from '../../discovery/directory.ts';
import type { CliContext } from '../cli/context.ts';

/** Names the nodes that were heard of and not proven, and those that were expected and are silent. */
export function tellMissing({ broken, silent, nodes, rumours }: Findings, { err }: CliContext): void {
  for (const { name, problem } of broken) {
    const hint = problem.hint === '' ? '' : ` (${problem.hint})`;
    err(`${name}: ${indented(problem.message)}${hint}`);
  }
  if (rumours.count > 0) err(rumourLine(rumours));
  if (silent.length > 0) {
    err('No response from:');
    for (const { name, lastSeen, by } of silent) err(`  ${name.padEnd(38)} ${lastSeenWords(lastSeen, by)}`);
  }
  if (nodes.length + broken.length + silent.length === 0) err('no node was discovered that matches');
}

const mostNamed = 3;

/** What was announced and not proven is one line, however much it is. */
function rumourLine({ count: all, examples }: Rumours): string {
  const [first] = examples;
  const names = examples.slice(0, mostNamed).map(({ name }) => name);
  const more = all > names.length ? ', …' : '';
  const which = names.length === 0 ? '' : ` (${names.join(', ')}${more}: ${printable(first?.problem.message ?? '')})`;
  return `not counted: ${count(all, 'name')} ${all === 1 ? 'was' : 'were'} announced by multicast without proof${which}`;
}

export function lastSeenWords(lastSeen: number | undefined, by: string): string {
  if (lastSeen === undefined) return `never seen, expected by ${by}`;
  return `last seen ${new Date(lastSeen).toISOString()} by ${by}`;
}

/** A message of several lines cannot pass for one about another node. */
export function indented(message: string): string {
  return message.replaceAll('\n', '\n  ');
}
