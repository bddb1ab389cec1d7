import { shippedPlaybooks, shippedScripts } from '#playbooks';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { count } from '../../../core/text.ts';
import { compilePlaybook } from '../../../playbook/compile/load.ts';
import type { Playbook } from '../../../playbook/model.ts';
import type { PlaybookTree } from '../../../playbook/source/reading.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { loadWithNodes, readPlaybook, unknownAgents } from '../../../library/runs/find-playbook.ts';
import { describePlaybook, describePlaybookInMarkdown } from '../../render/playbook.ts';
import { openSession } from '../../fleet/session.ts';
import { isScript } from '../../scripts/names.ts';
import { readTargetOptions } from '../../cli/target-options.ts';

interface CheckOptions extends CommonOptions {
  readonly online?: boolean;
}

interface DocsOptions {
  readonly json?: boolean;
  readonly markdown?: boolean;
}

/** Scripts do not describe themselves. */
const scriptDescription = 'A script in the Puppet DSL: mco-deploy orchestrate runs it.';

/** Name and description, one a line. */
export async function listPlaybooks({ json }: { readonly json?: boolean }, { out }: CliContext): Promise<void> {
  const playbooks = await Promise.all(
    Object.keys(shippedPlaybooks).map(async (name) => {
      return { name, description: (await readPlaybook(name)).source.description ?? '' };
    }),
  );
  const scripts = Object.keys(shippedScripts).map((name) => ({ name: `${name}.mc`, description: scriptDescription }));
  const list = [...playbooks, ...scripts].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (json === true) return out(JSON.stringify(list));
  const width = Math.max(...list.map(({ name }) => name.length));
  for (const { name, description } of list) out(`${name.padEnd(width)}  ${description}`);
}

/** @throws Problem `bad-playbook`, with file, line, column and what was expected */
export async function checkPlaybook(
  nameOrFile: string,
  options: CheckOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<void> {
  if (isScript(nameOrFile)) {
    const { checkScriptFile } = await import('../../scripts/explain.ts');
    return await checkScriptFile(nameOrFile, options, catalogue, context);
  }
  const tree = await readPlaybook(nameOrFile);
  const unknown = options.online === true ? [] : unknownAgents(tree, catalogue);
  if (unknown.length > 0)
    context.err(`not built in: ${unknown.join(', ')}; with --online the nodes are asked for them`);
  const check = options.online === true ? checkOnline : async () => compilePlaybook(tree, catalogue);
  const { name, file, inputs, nodes, steps } = await check(tree, catalogue, options, context);
  const found = { name, file, inputs: Object.keys(inputs), nodes: nodes.map((set) => set.name), steps: steps.length };
  if (options.json === true) return context.out(JSON.stringify(found));
  const sizes = [
    count(found.inputs.length, 'input'),
    count(found.nodes.length, 'node set'),
    count(steps.length, 'step'),
  ];
  context.out(`${file}: ${name} is valid: ${sizes.join(', ')}`);
}

/** The nodes are asked for agents that are not built in. */
async function checkOnline(
  tree: PlaybookTree,
  catalogue: readonly Ddl[],
  options: CheckOptions,
  context: CliContext,
): Promise<Playbook> {
  const session = await openSession(options, context);
  try {
    return (await loadWithNodes(tree, session, catalogue, readTargetOptions(options))).playbook;
  } finally {
    await session.close();
  }
}

/** @throws Problem `bad-playbook` */
export async function showPlaybookDocs(
  nameOrFile: string,
  { json, markdown }: DocsOptions,
  { out }: CliContext,
): Promise<void> {
  const { source } = await readPlaybook(nameOrFile);
  const { name, description = '', inputs = {}, nodes = {}, steps } = source;
  if (json === true) return out(JSON.stringify({ name, description, inputs, nodes, steps }, null, 2));
  for (const line of markdown === true ? describePlaybookInMarkdown(source) : describePlaybook(source)) out(line);
}
