import type { Outcome } from '../../core/request/reply.ts';
import type { Findings, FoundNode } from '../../discovery/directory.ts';
import type { CommonOptions } from '../cli/common-options.ts';
import type { CliContext } from '../cli/context.ts';
import { tableOf } from '../cli/io/format.ts';
import { exitFor } from '../cli/exit/exit-codes.ts';
import { readTargetOptions, type TargetOptions } from '../cli/target-options.ts';
import { printMissing } from '../render/missing.ts';
import { type FindSettings, openSession, type Session, type SessionOptions } from './session.ts';

/** Opens a session for some work, and closes it however the work ends. */
export async function withSession<T>(
  options: SessionOptions,
  context: CliContext,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(options, context);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** The nodes of a command, and the data that it needs of them. */
export interface NodeSelection {
  readonly targets: TargetOptions;
  readonly settings?: FindSettings;
}

/** The nodes that the command's options name; with `agent`, only those that run it. */
export function nodesOf(options: CommonOptions, agent?: string): NodeSelection {
  return { targets: readTargetOptions(options, agent) };
}

/**
 * The frame of every command over nodes: opens a session, finds the nodes, works with them and prints the result,
 * prints which nodes are missing.
 * @param work prints its result. It returns one outcome a node, or the exit code if the command has its own rule
 * @returns the exit code
 */
export function overNodes(
  options: SessionOptions,
  { targets, settings }: NodeSelection,
  context: CliContext,
  work: (findings: Findings, session: Session) => Promise<readonly Pick<Outcome, 'outcome'>[] | number>,
): Promise<number> {
  return withSession(options, context, async (session) => {
    const findings = await session.find(targets, settings);
    const result = await work(findings, session);
    printMissing(findings, context, options);
    if (typeof result === 'number') return result;
    return exitFor({ outcomes: result, broken: findings.broken.length, silent: findings.silent.length });
  });
}

/**
 * The same for a command that shows the nodes alone. @param work receives the nodes that are still to be shown as well
 */
export function overArrivingNodes(
  options: CommonOptions,
  show: (node: FoundNode) => void,
  context: CliContext,
  work: (findings: Findings, rest: readonly FoundNode[]) => void,
): Promise<number> {
  const { settings, rest } = asTheyArrive(show, options, context);
  const selection = { ...nodesOf(options), settings: { keep: false, ...settings } };
  return overNodes(options, selection, context, async (findings) => {
    work(findings, rest(findings.nodes));
    return found(findings);
  });
}

/**
 * Shows nodes as they answer, on a terminal; elsewhere all at the end, in the order of their names.
 * @returns the options of discovery for that, and a function that selects the nodes that are still to be shown
 */
function asTheyArrive(
  show: (node: FoundNode) => void,
  options: CommonOptions,
  { isTerminal }: CliContext,
): {
  readonly settings: Pick<FindSettings, 'onNode'>;
  readonly rest: (nodes: readonly FoundNode[]) => readonly FoundNode[];
} {
  if (!isTerminal || options.json === true || tableOf(options) !== undefined)
    return { settings: {}, rest: (nodes) => nodes };
  const shown = new Set<string>();
  const onNode = (node: FoundNode) => {
    if (shown.has(node.name)) return;
    shown.add(node.name);
    show(node);
  };
  return { settings: { onNode }, rest: (nodes) => nodes.filter(({ name }) => !shown.has(name)) };
}

/** The outcomes of a command that only finds nodes. */
export function found({ nodes }: Findings): Pick<Outcome, 'outcome'>[] {
  return nodes.map(() => ({ outcome: 'ok' }));
}
