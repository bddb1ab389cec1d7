import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { learnDdl, findDdl } from '../../../library/fleet/agents.ts';
import { ddlLines, ddlMarkdown } from '../../render/ddl.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import { readTargetOptions } from '../../cli/target-options.ts';

interface DocOptions extends CommonOptions {
  readonly markdown?: boolean;
}

/** Explains an agent: from its built-in description, else from the nodes that have it. */
export async function runDoc(
  agent: string | undefined,
  options: DocOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  if (agent === undefined) list(catalogue, options, context);
  else show(findDdl(catalogue, agent) ?? (await askNodes(agent, options, catalogue, context)), options, context);
  return exitCode.ok;
}

async function askNodes(
  agent: string,
  options: DocOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<Ddl> {
  return withSession(options, context, async (session) => {
    const { nodes } = await session.find(readTargetOptions(options, agent), { full: true, keep: false });
    return learnDdl(agent, nodes, catalogue, session.environment);
  });
}

function show(ddl: Ddl, { json, markdown }: DocOptions, { out }: CliContext): void {
  if (json === true) out(JSON.stringify(ddl, null, 2));
  else if (markdown === true) out(ddlMarkdown(ddl).trimEnd());
  else for (const line of ddlLines(ddl)) out(line);
}

function list(catalogue: readonly Ddl[], { json }: DocOptions, { out }: CliContext): void {
  const agents = catalogue.map(({ name, version, description }) => ({ name, version, description }));
  if (json === true) out(JSON.stringify(agents, null, 2));
  else for (const { name, description } of agents) out(`${name.padEnd(12)} ${description}`);
}
