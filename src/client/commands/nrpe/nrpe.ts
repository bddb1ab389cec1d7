import type { CheckState } from '../../../core/check-state.ts';
import { actionOf, type Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { printable } from '../../../core/text.ts';
import { callNodes } from '../../../library/fleet/call-nodes.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { readInput } from '../../cli/read-input.ts';
import { tableOf } from '../../cli/io/format.ts';
import { paintFor } from '../../render/color.ts';
import { printTable } from '../../render/table.ts';
import { nodesOf, overNodes } from '../../fleet/over-nodes.ts';
import { requireDdl } from '../../../library/fleet/agents.ts';
import { countStates, exitCodeOf, type CheckFinding, findingOf, sortFindings } from './findings.ts';

interface NrpeOptions extends CommonOptions {
  readonly verbose?: boolean;
}

const action = 'runcommand';

/** Makes one check on all nodes that match. A node that is silent, or did not make it, is UNKNOWN. */
export async function runNrpe(
  check: string,
  args: readonly string[],
  options: NrpeOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const ddl = requireDdl(catalogue, 'nrpe');
  const description = actionOf(ddl, action);
  if (description === undefined) throw new Problem('internal', `nrpe has no action ${action}`);
  const words = [`command=${check}`, ...(args.length === 0 ? [] : [`args=${args.join('!')}`])];
  const input = readInput(ddl, action, description, words);
  return overNodes(options, nodesOf(options, ddl.name), context, async (nodes, session) => {
    const began = performance.now();
    const question = { ddl, action, input: () => input };
    const outcomes = await callNodes(question, nodes.nodes, session, context.signal);
    const findings = outcomes.map(findingOf);
    const unasked: CheckState[] = [...nodes.broken, ...nodes.silent].map(() => 'UNKNOWN');
    const code = exitCodeOf([...findings.map(({ state }) => state), ...unasked]);
    if (options.json === true) context.out(asJson(check, code, findings));
    else show(findings, performance.now() - began, options, context);
    return context.signal.aborted ? exitCode.interrupted : code;
  });
}

const colorOf = { OK: 'green', WARNING: 'yellow', CRITICAL: 'red', UNKNOWN: 'yellow' } as const;

function show(findings: readonly CheckFinding[], elapsed: number, options: NrpeOptions, context: CliContext): void {
  const { out } = context;
  const paint = paintFor(context);
  const verbose = options.verbose === true;
  const table = tableOf(options);
  if (findings.length === 0) return;
  const shown = sortFindings(findings).filter(({ state }) => verbose || table !== undefined || state !== 'OK');
  if (table !== undefined) {
    const more = table === 'wide';
    const rows = shown.map(({ node, state, output, perfdata }) => [
      node,
      paint(colorOf[state], state),
      output,
      ...(more ? [perfdata] : []),
    ]);
    printTable(['NODE', 'STATE', 'OUTPUT', ...(more ? ['PERFDATA'] : [])], rows, options, context);
    return;
  }
  for (const { node, state, output, perfdata } of shown) {
    const word = paint(colorOf[state], state) + ' '.repeat(8 - state.length);
    out(printable(`${node.padEnd(40)} ${word}  ${output.replaceAll('\n', '\n  ')}`));
    if (verbose && perfdata !== '') out(printable(`  ${perfdata}`));
  }
  if (shown.length > 0) out('');
  const counts = Object.entries(countStates(findings)).map(([state, number]) => `${state}: ${number}`);
  out(counts.join('  '));
  const replied = findings.filter(({ outcome }) => outcome !== 'no-response').length;
  out(`Finished processing ${replied} / ${findings.length} hosts in ${elapsed.toFixed(2)} ms`);
}

function asJson(check: string, code: number, findings: readonly CheckFinding[]): string {
  const nodes = [...findings].sort((a, b) => (a.node < b.node ? -1 : 1));
  return JSON.stringify({ check, exitcode: code, states: countStates(findings), nodes }, null, 2);
}
