import { testProblem } from '../test-problem.ts';
import type { JournalEntry } from '../../../src/playbook/journal/entries.ts';
import { readHistory, resumeFrom } from '../../../src/playbook/journal/history.ts';
import { createFabric, type Fabric, type FabricNode, type FabricOptions } from './fabric.ts';
import { runText } from './playbook.ts';

/** Three nodes with the agent that the tests of playbooks use. */
export const nodes: readonly FabricNode[] = ['a', 'b', 'c'].map((name) => ({ name, agents: ['thing'] }));
/** The id of a run and of the run that resumes it. */
export const runId = 'a'.repeat(32);

/** Runs, and resumes from the journal of that run; nothing is broken in the second fabric unless its options say so. */
export async function runTwice(
  text: string,
  first: FabricOptions & { readonly nodes?: readonly FabricNode[] },
  second: FabricOptions & { readonly nodes?: readonly FabricNode[] } = {},
  cut: (journal: readonly JournalEntry[]) => readonly JournalEntry[] = (journal) => journal,
) {
  const before = createFabric(first.nodes ?? nodes, first);
  await runText(text, before, {}, { runId });
  const fabric = createFabric(second.nodes ?? nodes, second);
  const resumed = resumeFrom(readHistory(cut(before.journal)));
  const report = await runText(text, fabric, {}, { runId, resumed });
  return { before, fabric, report };
}

/** The step, the nodes and the try of each call, in order. */
export const made = ({ calls }: Fabric) =>
  calls.map(({ step, nodes: called, try: number }) => `${step} ${called.join()} ${number}`);

/** An action that fails if it receives this input. */
export function failWhen(to: string) {
  return (input: Readonly<Record<string, unknown>>) => {
    if (input.to === to) throw testProblem('broken', 'it is broken');
    return {};
  };
}
