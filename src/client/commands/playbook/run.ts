import { shippedPlaybooks } from '#playbooks';
import type { Ddl } from '../../../core/ddl.ts';
import { count } from '../../../core/text.ts';
import type { CliContext } from '../../context.ts';
import { findPlaybook } from '../../find-playbook.ts';

interface Options {
  readonly json?: boolean;
}

/** Name and description, one a line. */
export async function listPlaybooks({ json }: Options, catalogue: readonly Ddl[], { out }: CliContext): Promise<void> {
  const names = Object.keys(shippedPlaybooks).sort();
  const list = await Promise.all(
    names.map(async (name) => ({ name, description: (await findPlaybook(name, catalogue)).description })),
  );
  if (json === true) return out(JSON.stringify(list));
  const width = Math.max(...names.map((name) => name.length));
  for (const { name, description } of list) out(`${name.padEnd(width)}  ${description}`);
}

/** @throws Problem `bad-playbook`, with file, line, column and what was expected */
export async function checkPlaybook(
  given: string,
  { json }: Options,
  catalogue: readonly Ddl[],
  { out }: CliContext,
): Promise<void> {
  const { name, file, inputs, nodes, steps } = await findPlaybook(given, catalogue);
  const found = { name, file, inputs: Object.keys(inputs), nodes: nodes.map((set) => set.name), steps: steps.length };
  if (json === true) return out(JSON.stringify(found));
  const sizes = [
    count(found.inputs.length, 'input'),
    count(found.nodes.length, 'node set'),
    count(steps.length, 'step'),
  ];
  out(`${file}: ${name} is right: ${sizes.join(', ')}`);
}
