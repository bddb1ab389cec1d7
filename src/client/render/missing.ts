import { count, printable } from '../../core/text.ts';
import { witness } from '../../core/node.ts';
import type { Findings, Rumours } from '../../discovery/directory.ts';
import type { CliContext } from '../cli/context.ts';
import { shellWord } from '../cli/shell-word.ts';

/** The maximum number of names in a line; the rest is counted. */
const mostNames = 20;

/** Names the nodes that were heard of and not proven, and expected ones that are silent. */
export function printMissing(
  { broken, silent, nodes, rumours, hints, unmatched }: Findings,
  { err, last }: CliContext,
  options: NamingOptions = {},
): void {
  for (const { name, problem } of broken) {
    const hint = problem.hint === '' ? '' : ` (${problem.hint})`;
    const message = indented(problem.message);
    err(`${message.startsWith(`${name} `) ? '' : `${name}: `}${message}${hint}`);
  }
  if (rumours.count > 0) err(rumourLine(rumours));
  if (silent.length > 0) {
    err('No response from:');
    const lines = silent.map(({ name, lastSeen, by }) => `${name.padEnd(38)} ${formatLastSeen(lastSeen, by)}`);
    for (const line of shorten(lines, options.verbose === true)) err(`  ${line}`);
  }
  const isSeen = silent.some(({ lastSeen }) => lastSeen !== undefined);
  const isNothing = nodes.length + broken.length + silent.length === 0;
  if (isNothing) err('no node was discovered that matches');
  for (const hint of hints) err(hint);
  if (isSeen) last('to see why, on the host that is silent: mco-deploy doctor node');
  // Nodes that do not match, or that are remembered: the client finds nodes, and the filter is to be corrected.
  const hasOthers = unmatched > 0 || hints.length > 0;
  if ((isNothing && hasOthers) || (silent.length > 0 && !isSeen))
    last(`to list the nodes: mco-deploy find -v${sourceOf(options)}`);
  if (isNothing && !hasOthers) last(`to see why: mco-deploy doctor client${typed({ config: options.config })}`);
}

/** What was typed that says where nodes are found. */
interface SourceOptions {
  readonly config?: string;
  readonly nodes?: string;
  readonly dm?: string;
  readonly do?: readonly string[];
  readonly via?: readonly string[];
}

interface NamingOptions extends SourceOptions {
  readonly verbose?: boolean;
}

/** Another command looks in the same place. */
function sourceOf({ config, nodes, dm, do: settings, via }: SourceOptions): string {
  return typed({ config, nodes, dm, do: settings, via });
}

function typed(options: Readonly<Record<string, string | readonly string[] | undefined>>): string {
  return Object.entries(options)
    .flatMap(([name, value]) => [value ?? []].flat().map((one) => ` --${name} ${shellWord(one)}`))
    .join('');
}

const mostNamed = 3;

/** Announced names that were not proven make one line, however many they are. */
function rumourLine({ count: all, more: isCut, examples }: Rumours): string {
  const [first] = examples;
  const names = examples.slice(0, mostNamed).map(({ name }) => name);
  const more = all > names.length ? ', …' : '';
  const which = names.length === 0 ? '' : ` (${names.join(', ')}${more}: ${printable(first?.problem.message ?? '')})`;
  return `not counted: ${isCut ? 'more than ' : ''}${count(all, 'name')} ${all === 1 ? 'was' : 'were'} announced by multicast without proof${which}`;
}

/** At most a readable number of lines, and how many more there are. */
export function shorten(lines: readonly string[], verbose: boolean): string[] {
  if (verbose || lines.length <= mostNames) return [...lines];
  return [...lines.slice(0, mostNames), `and ${lines.length - mostNames} more (-v lists them all)`];
}

/** The origin of the name of a node that was never seen. */
const neverSeen: Readonly<Record<string, string>> = {
  expected: 'never seen',
  file: 'never seen, named in the list of nodes',
  stdin: 'never seen, named on standard input',
};

export function formatLastSeen(lastSeen: number | undefined, by: string): string {
  if (lastSeen === undefined) return neverSeen[by] ?? `never seen, known from ${by}`;
  return `last seen ${new Date(lastSeen).toISOString()} by ${witness(by)}`;
}

/** A message of several lines cannot imitate one about another node. */
export function indented(message: string): string {
  return message.replaceAll('\n', '\n  ');
}
