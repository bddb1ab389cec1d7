import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { writeOutput } from '../../../core/files/output.ts';
import { learnDdl, findDdl } from '../../../library/fleet/agents.ts';
import { siteTypes } from '../../../library/types/agent-types.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { withSession } from '../../fleet/over-nodes.ts';
import { type ReadDdl, readJson } from './import.ts';

interface TypesOptions extends CommonOptions {
  readonly out?: string;
}

/**
 * Writes TypeScript types of custom agents: from DDLs in files, and from the descriptions of nodes.
 * @param typed files (NAME.json) and names; all that the nodes describe if there are none
 * @throws Problem `usage`, `bad-ddl`, `unknown-agent`, `unreadable-file`, `unwritable-file`
 */
export async function runAgentTypes(
  typed: readonly string[],
  options: TypesOptions,
  { readDdl, catalogue }: { readonly readDdl: ReadDdl; readonly catalogue: readonly Ddl[] },
  context: CliContext,
): Promise<number> {
  const files = typed.filter((one) => one.endsWith('.json'));
  const names = typed.filter((one) => !one.endsWith('.json'));
  const builtIn = names.find((name) => findDdl(catalogue, name) !== undefined);
  if (builtIn !== undefined) {
    throw new Problem('usage', `the agent ${builtIn} is built in: its types come with the package`);
  }
  const fromFiles = await Promise.all(files.map(async (file) => await readDdl(await readJson(file), file)));
  const fromFleet = typed.length === 0 || names.length > 0;
  const fromNodes = fromFleet ? await learn(names, catalogue, options, context) : [];
  const text = siteTypes([...fromFiles, ...fromNodes].toSorted((a, b) => (a.name < b.name ? -1 : 1)));
  if (options.out === undefined) context.out(text.trimEnd());
  else await writeOutput(options.out, text);
  return exitCode.ok;
}

function learn(
  names: readonly string[],
  catalogue: readonly Ddl[],
  options: TypesOptions,
  context: CliContext,
): Promise<Ddl[]> {
  return withSession(options, context, async (session) => {
    const { nodes } = await session.find(readTargetOptions(options), { full: true, keep: false });
    const described = new Set(nodes.flatMap(({ description: { agents } }) => agents.map(({ name }) => name)));
    const wanted = names.length > 0 ? names : [...described].filter((name) => findDdl(catalogue, name) === undefined);
    return wanted.map((name) => learnDdl(name, nodes, catalogue, session.environment));
  });
}
