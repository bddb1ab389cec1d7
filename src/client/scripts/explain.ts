/** Information about a script without a run. */
import type { Ddl } from '../../core/ddl/ddl.ts';
import { count, printable } from '../../core/text.ts';
import { outlineScript } from '../../puppet/analysis/outline.ts';
import type { Script } from '../../puppet/script.ts';
import type { CliContext } from '../cli/context.ts';
import { describeInput, formatSections, formatSectionsInMarkdown } from '../render/playbook.ts';
import { findDdl } from '../../library/fleet/agents.ts';
import { agentsNamed } from '../../puppet/analysis/check.ts';
import { findScript } from './read-script.ts';

interface DocsOptions {
  readonly json?: boolean;
  readonly markdown?: boolean;
}

/** `playbook docs SCRIPT.mc`, `orchestrate --help SCRIPT`. @throws Problem `bad-script` */
export async function showScriptDocs(
  nameOrFile: string,
  { json, markdown }: DocsOptions,
  catalogue: readonly Ddl[],
  { out }: CliContext,
): Promise<void> {
  const { script } = await findScript(nameOrFile, catalogue);
  const { name, inputs, statements } = script;
  const [description, resources] = [descriptionOf(script), outlineScript(statements)];
  if (json === true) {
    out(JSON.stringify({ name, description, inputs, resources }, null, 2));
    return;
  }
  const sections = [
    {
      title: 'Inputs',
      rows: Object.entries(inputs).map(
        ([input, declared]) =>
          [input, describeInput({ ...declared, required: declared.description !== undefined })] as const,
      ),
    },
    { title: 'Resources', rows: resources.map((one) => [one.name, one.detail] as const) },
  ];
  const format = markdown === true ? formatSectionsInMarkdown : formatSections;
  for (const line of format(
    { name, description },
    sections.filter(({ rows }) => rows.length > 0),
  ))
    out(line);
}

/** The comment at the beginning of a script. */
function descriptionOf({ source: { text } }: Pick<Script, 'source'>): string {
  const [comment = ''] = /^(?:\s*#[^\n]*\n?)+/.exec(text) ?? [];
  const lines = comment.split('\n').map((line) => line.replace(/^\s*#+\s?/, '').trim());
  return lines.filter((line) => line !== '').join(' ');
}

/** `playbook check SCRIPT.mc`. @throws Problem `bad-script` with file, line and column */
export async function checkScriptFile(
  nameOrFile: string,
  { json }: { readonly json?: boolean },
  catalogue: readonly Ddl[],
  { out, err }: CliContext,
): Promise<void> {
  const { script } = await findScript(nameOrFile, catalogue);
  const unknown = agentsNamed(script.statements).filter((agent) => findDdl(catalogue, agent) === undefined);
  if (unknown.length > 0)
    err(`not built in: ${printable(unknown.join(', '))}; the nodes are asked for them when it runs`);
  const { name, source, inputs } = script;
  if (json === true) {
    out(
      JSON.stringify({ name, file: source.file, inputs: Object.keys(inputs), agents: agentsNamed(script.statements) }),
    );
    return;
  }
  out(
    `${source.file}: ${name} is valid as far as it can be checked without running it: ${count(Object.keys(inputs).length, 'input')}`,
  );
}

/** The inputs of a script, and their descriptions, if the script has them: for completion. @throws Problem */
export async function readInputNames(nameOrFile: string, catalogue: readonly Ddl[]): Promise<Record<string, string>> {
  const { inputs } = (await findScript(nameOrFile, catalogue)).script;
  return Object.fromEntries(Object.entries(inputs).map(([name, { description = '' }]) => [name, description]));
}
