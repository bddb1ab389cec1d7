import { parseJsonObject } from '../../../core/json.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { exitFor } from '../../cli/exit-codes.ts';
import { tellMissing } from '../../render/missing.ts';
import { openSession } from '../../fleet/session.ts';
import { readTargetOptions } from '../../cli/target-options.ts';

interface FindOptions extends CommonOptions {
  readonly verbose?: boolean;
}

/** Prints the names of the nodes that match, sorted, one a line. */
export async function runFind(options: FindOptions, context: CliContext): Promise<number> {
  const session = await openSession(options, context);
  try {
    const findings = await session.find(readTargetOptions(options), { keep: false });
    const { nodes, broken, silent } = findings;
    if (options.json === true) context.out(JSON.stringify(nodes.map(describe), null, 2));
    else for (const node of nodes) context.out(options.verbose === true ? verboseLine(node) : node.name);
    tellMissing(findings, context);
    return exitFor({ outcomes: nodes.map(() => ({ outcome: 'ok' })), broken: broken.length, silent: silent.length });
  } finally {
    await session.close();
  }
}

function describe({ name, description: { version, agents, classes, facts } }: FoundNode) {
  return {
    node: name,
    version,
    agents: agents.map((agent) => agent.name),
    classes,
    facts: parseJsonObject(facts, 'the facts'),
  };
}

function verboseLine(node: FoundNode): string {
  const { agents, classes, facts } = describe(node);
  const told = Object.entries(facts).map(([key, value]) => `${key}=${String(value)}`);
  return [node.name.padEnd(40), `agents=${agents.join(',')}`, `classes=${classes.join(',')}`, ...told].join(' ');
}
