/** Evaluates a script over real nodes. */
import type { Ddl } from '../../core/ddl/ddl.ts';
import { noFilter } from '../../core/filter/filter.ts';
import { printable } from '../../core/text.ts';
import { loadScript, type LoadedScript, type Script } from '../../puppet/script.ts';
import type { CliContext } from '../cli/context.ts';
import type { Session } from '../fleet/session.ts';
import { learnAgents } from '../../library/runs/find-playbook.ts';
import { discoverNodes } from '../../library/runs/discover.ts';
import { scriptFacts } from './facts.ts';
import { readTargetOptions } from '../cli/target-options.ts';

export interface ScriptOptions {
  readonly script: Script;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The command's options for the source of nodes. */
  readonly options: { readonly json?: boolean; readonly debug?: boolean };
  /** The names in each node set of a resumed run, which keeps them. */
  readonly before?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** @param session one that remembers its finds @throws Problem as loadScript */
export async function loadWithFleet(
  { script, inputs, options, before }: ScriptOptions,
  session: Session,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<LoadedScript> {
  const targets = readTargetOptions(options);
  const loaded = await loadScript(script, inputs, {
    facts: scriptFacts(session.caller.credentials.identity.name),
    agents: catalogue,
    ask: async ({ name, filter, wantsFacts }) => {
      const query = { filter: { ...noFilter, ...filter }, atLeast: 0, facts: wantsFacts };
      const { nodes } = await discoverNodes(query, { session, targets }, new Map());
      const names = before?.[name];
      return names === undefined ? nodes : nodes.filter((node) => names.includes(node.name));
    },
    learn: (names) => learnAgents(names, session, catalogue, targets),
  });
  for (const { level, text } of loaded.notices) {
    if (level === 'debug' && options.debug !== true) continue;
    const line = `${level}: ${printable(text)}`;
    // Standard output is for machines.
    if (level === 'notice' && options.json !== true) context.out(line);
    else context.err(line);
  }
  return loaded;
}
